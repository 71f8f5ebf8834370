"""Output folders without permission, and under Windows, which limits the length of paths."""

import os
import re
from pathlib import Path

import pytest

from kerasclf.commands.printing.output import check_new_file
from kerasclf.errors import FolderError, FolderInUseError, KerasclfError
from kerasclf.files import locks
from kerasclf.files.new_folder import check_new_folder
from kerasclf.inference.export.artifacts import check_request


@pytest.mark.parametrize("length", [150, 151])
def test_windows_refuses_a_folder_whose_files_would_have_too_long_paths(length):
    path = Path("/".ljust(length, "x"))
    if length == 150:
        locks._check_length(path, windows=True)
        return
    with pytest.raises(
        FolderError, match=r"at most 150 characters, as Windows .* Received: 151\. Give a shorter `out`"
    ):
        locks._check_length(path, windows=True)
    locks._check_length(path, windows=False)


def test_windows_allows_it_if_long_paths_are_turned_on(monkeypatch):
    monkeypatch.setattr(locks, "_has_long_paths", lambda: True)
    locks._check_length(Path("/".ljust(300, "x")), windows=True)


def test_a_folder_without_permission_is_refused_before_the_work(tmp_path, monkeypatch):
    locks.check_writable(tmp_path / "a" / "b")
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    for path in (tmp_path, tmp_path / "a" / "b"):
        with pytest.raises(FolderError) as caught:
            locks.check_writable(path)
        assert str(caught.value) == (
            f"{path} cannot be written: you have no permission to write to {tmp_path}. Give another `out`."
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("check", "argument"),
    [
        (check_new_file, "out"),
        (lambda path: check_new_folder(path, "sort_into"), "sort_into"),
        (lambda path: check_request("onnx", "float32", path, overwrite=False), "out"),
    ],
    ids=["predict", "sort-into", "export"],
)
def test_a_new_file_or_folder_without_permission_is_refused_before_the_work(check, argument, tmp_path, monkeypatch):
    check(tmp_path / "a" / "b.csv")
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    expected = rf"you have no permission to write to {re.escape(str(tmp_path))}\. Give another `{argument}`\.$"
    with pytest.raises(KerasclfError, match=expected):
        check(tmp_path / "a" / "b.csv")


def test_a_file_in_the_place_of_a_folder_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with pytest.raises(FolderError) as caught:
            locks.check_writable(path)
        assert str(caught.value) == (f"{path} cannot be written: {tmp_path / 'file'} is no folder. Give another `out`.")


def test_a_folder_that_is_held_differs_from_one_that_cannot_be_made(tmp_path):
    with locks.hold(tmp_path / "held"), pytest.raises(FolderInUseError, match="is in use by process"):
        locks.hold(tmp_path / "held").__enter__()
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"cannot be written to: .*\. Give another folder as `out`\.$") as caught:
        locks.hold(tmp_path / "file" / "a").__enter__()
    assert not isinstance(caught.value, FolderInUseError)
