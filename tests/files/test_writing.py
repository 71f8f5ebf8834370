"""Whole files, or none."""

import pytest

from kerasclf.files.writing import PARTIAL, is_partial, replaced, write_json, write_text


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]


def test_a_folder_is_made_and_a_reader_sees_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "new" / "x.json"
    write_json(path, {"a": [1, None]})
    assert path.read_text() == '{\n  "a": [\n    1,\n    null\n  ]\n}\n'
    with replaced(path) as partial:
        partial.write_text("half")
        assert is_partial(partial)
        assert partial.name.startswith(PARTIAL)
        assert path.read_text().startswith("{")
    assert path.read_text() == "half"
    assert [*path.parent.iterdir()] == [path]
