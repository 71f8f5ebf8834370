"""Copies of images in class folders: names are data, and nothing is overwritten or half written."""

import shutil

import pytest

from kerasclf.errors import FolderError
from kerasclf.inference.class_folders import ClassFolders, escaped_name


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("cat", "cat"),
        ("犬 and é", "犬 and é"),
        ("a/b\\c", "a%2Fb%5Cc"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        (".git", "%2Egit"),
        ("", "%"),
        ("%", "%25"),
        ("-rf", "%2Drf"),
        ("a. ", "a.%20"),
        ("con", "%63on"),
        ("NUL.txt", "%4EUL.txt"),
        ("\x1b[2J\n", "%1B[2J%0A"),
        ("a\u202eb", "a%E2%80%AEb"),
    ],
)
def test_any_class_name_becomes_one_folder(name, folder):
    assert escaped_name(name) == folder


def test_long_names_stay_different():
    first, second = (escaped_name("犬" * 300 + end) for end in "ab")
    assert first != second
    assert max(len(first.encode()), len(second.encode())) <= 200


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "from" / "photo.jpg"
    path.parent.mkdir()
    path.write_bytes(b"first")
    return path


def test_files_of_one_name_get_numbers(photo, tmp_path):
    other = tmp_path / "photo.jpg"
    other.write_bytes(b"second")
    with ClassFolders(tmp_path / "new" / "sorted") as folders:
        for file in (photo, other, other):
            folders.add(str(file), "../cat")
        assert not (tmp_path / "new" / "sorted").exists()
    found = {path.relative_to(tmp_path / "new").as_posix(): path for path in (tmp_path / "new").rglob("*.jpg")}
    assert {name: path.read_bytes() for name, path in found.items()} == {
        "sorted/%2E.%2Fcat/photo.jpg": b"first",
        "sorted/%2E.%2Fcat/photo-2.jpg": b"second",
        "sorted/%2E.%2Fcat/photo-3.jpg": b"second",
    }
    assert photo.read_bytes() == b"first"


def test_nothing_is_left_after_an_error(photo, tmp_path, monkeypatch):
    def full(source, target, length):
        target.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(KeyboardInterrupt), ClassFolders(tmp_path / "sorted") as folders:
        folders.add(str(photo), "cat")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["from"]
    monkeypatch.setattr(shutil, "copyfileobj", full)
    message = r"sorted cannot be written: No space left on device\. Nothing is left of it"
    with pytest.raises(FolderError, match=message), ClassFolders(tmp_path / "sorted") as folders:
        folders.add(str(photo), "cat")
    assert [path.name for path in tmp_path.iterdir()] == ["from"]


def test_a_folder_that_is_in_use_is_refused(photo, tmp_path):
    with pytest.raises(FolderError, match=r"sort_into: expected a new or empty folder\. Received: .*/from\."):
        ClassFolders(photo.parent).__enter__()
    (tmp_path / "empty").mkdir()
    with ClassFolders(tmp_path / "empty") as folders:
        folders.add(str(photo), "cat")
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["cat"]
