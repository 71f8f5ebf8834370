"""Whole files, or none."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from kerasclf.files import temporary
from kerasclf.files.temporary import remove_abandoned_file
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


def test_several_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "x.json"

    def write(writer):
        for i in range(100):
            write_json(path, [writer, i])

    with ThreadPoolExecutor(4) as writers:
        assert list(writers.map(write, range(4))) == [None] * 4
    assert json.loads(path.read_text())[1] == 99
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_another_process_removes_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    lock, removed = temporary.lock_file, []

    def late(handle):
        if not removed:
            removed.extend(tmp_path.iterdir())
            remove_abandoned_file(*removed)
        lock(handle)

    monkeypatch.setattr(temporary, "lock_file", late)
    write_text(tmp_path / "x.txt", "new")
    assert len(removed) == 1
    assert [file.read_text() for file in tmp_path.iterdir()] == ["new"]
