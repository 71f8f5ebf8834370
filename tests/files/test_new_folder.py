"""Folders that appear whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerasclf.errors import FolderError
from kerasclf.files.new_folder import check_new_folder, check_replaceable, new_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_folder_appears_when_the_block_ends(tmp_path):
    with new_folder(tmp_path / "a" / "out") as folder:
        (folder / "file").write_text("new")
        assert not (tmp_path / "a" / "out").exists()
    assert (tmp_path / "a" / "out" / "file").read_text() == "new"
    assert names(tmp_path / "a") == ["out"]


def test_an_empty_folder_is_used(tmp_path):
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as folder:
        (folder / "file").touch()
    assert names(tmp_path / "out") == ["file"]


def test_files_that_came_meanwhile_stay(tmp_path):
    message = r"out cannot be written: .*\. Nothing is left of it\.$"
    with pytest.raises(FolderError, match=message), new_folder(tmp_path / "out"):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "other").touch()
    assert names(tmp_path / "out") == ["other"]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ZeroDivisionError()])
def test_after_an_error_nothing_is_left_and_the_earlier_folder_stays(tmp_path, error):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "earlier").touch()
    new = new_folder(tmp_path / "out", ["earlier"], left="No file was changed.")
    with pytest.raises((FolderError, ZeroDivisionError)) as caught, new as folder:
        (folder / "file").touch()
        raise error
    if isinstance(error, OSError):
        assert (
            str(caught.value) == f"{tmp_path / 'out'} cannot be written: No space left on device. No file was changed."
        )
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["earlier"]


def test_a_folder_is_overwritten_on_request(tmp_path):
    (tmp_path / "out").mkdir()
    for name in ("earlier", ".lock", ".DS_Store"):
        (tmp_path / "out" / name).touch()
    check_replaceable(tmp_path / "out", ["earlier", "file"], "out")
    with new_folder(tmp_path / "out", ["earlier", "file"]) as folder:
        (folder / "file").touch()
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["file"]


def test_a_folder_with_files_of_the_user_is_not_overwritten(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "earlier").touch()
    (out / "mine").mkdir()
    reason = f"{out} cannot be overwritten. It also holds 'mine', which would be deleted. Move it elsewhere"
    with pytest.raises(FolderError) as caught:
        check_replaceable(out, ["earlier"], "out")
    assert str(caught.value) == f"out: {reason}, or give another folder."
    with pytest.raises(FolderError) as caught, new_folder(out, ["earlier"]):  # it came while the others were written
        pass
    assert str(caught.value) == f"{reason}. Nothing is left of it."
    assert names(out) == ["earlier", "mine"]
    assert names(tmp_path) == ["out"]


def test_only_a_new_or_empty_folder_passes_the_check(tmp_path):
    check_new_folder(tmp_path / "out", "out")
    check_new_folder(tmp_path, "out")
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(FolderError, match=r"^sort_into: expected a new or empty folder\. Received: "):
            check_new_folder(path, "sort_into")


# Writes a folder, and is killed at a point of its own: before the end, or between the two renames that replace one.
WRITER = """
import sys
from pathlib import Path
from kerasclf.files import new_folder
from kerasclf.inference.class_folders import ClassFolders

def wait(*ignored):
    print("now", flush=True)
    sys.stdin.read()

out, when = Path(sys.argv[1]), sys.argv[2]
if when == "replacing":
    new_folder._rename = wait
if when == "sorting":
    with ClassFolders(out) as folders:
        folders.add(new_folder.__file__, "cat")
        wait()
with new_folder.new_folder(out, ["file"]) as folder:
    (folder / "file").write_text("half")
    if when == "writing":
        wait()
"""


@pytest.fixture
def writer(tmp_path, request):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "out"), request.param],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=os.environ,
    )  # fmt: skip
    with process:
        assert process.stdout.readline() == "now\n"
        yield process
        process.kill()


def write(path, text="whole"):
    with new_folder(path, ["file"]) as folder:
        (folder / "file").write_text(text)


@pytest.mark.parametrize("writer", ["writing", "sorting"], indirect=True)
def test_the_next_command_removes_what_a_killed_one_left(writer, tmp_path):
    (left,) = tmp_path.iterdir()
    write(tmp_path / "out")
    assert left.is_dir(), "the process still writes it"
    writer.kill()
    writer.wait()
    write(tmp_path / "other")
    assert names(tmp_path) == [left.name, "other", "out"], "another folder is none of its business"
    write(tmp_path / "out")
    assert names(tmp_path) == ["other", "out"]


@pytest.fixture
def earlier(tmp_path):
    write(tmp_path / "out", "earlier")


@pytest.mark.parametrize("writer", ["replacing"], indirect=True)
def test_a_folder_that_a_killed_process_was_replacing_is_put_back(earlier, writer, tmp_path):
    assert "out" not in names(tmp_path)
    writer.kill()
    writer.wait()
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out", ["file"]):
        raise ZeroDivisionError
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "file").read_text() == "earlier"
