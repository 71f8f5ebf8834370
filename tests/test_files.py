"""Whole files and folders, or none."""

import pytest

from kerasclf.files import new_folder, read_json, write_json, write_text


def test_a_folder_appears_when_its_block_ends_well(tmp_path):
    with new_folder(tmp_path / "a" / "run") as folder:
        write_json(folder / "x.json", {"one": 1})
        assert not (tmp_path / "a" / "run").exists()
    assert read_json(tmp_path / "a" / "run" / "x.json") == {"one": 1}
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["run"]


def test_a_folder_vanishes_when_its_block_fails(tmp_path):
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "run") as folder:
        write_text(folder / "half.txt", "half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "x.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.txt"]
