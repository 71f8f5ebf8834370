"""Folders that appear whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kerasclf.errors import FolderError, FolderInUseError
from kerasclf.files import new_folder as new_folders
from kerasclf.files.locks import hold
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
    with pytest.raises(FolderError, match=r"out is not empty any more\. Nothing"), new_folder(tmp_path / "out"):
        pass
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
    assert names(tmp_path / "out") == [".DS_Store", ".lock", "file"]


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


# Writes a folder, and is killed at a point of its own: before the end, or between the moves that replace files.
WRITER = """
import sys
from pathlib import Path
from kerasclf.files import new_folder
from kerasclf.inference.class_folders import ClassFolders

def wait():
    print("now", flush=True)
    sys.stdin.read()

out, when = Path(sys.argv[1]), sys.argv[2]
if when in ("replacing", "filling"):
    move, moved = new_folder._move, []

    def move_some(source, target):
        if len(moved) == (1 if when == "replacing" else 4):
            wait()
        move(source, target)
        moved.append(target)

    new_folder._move = move_some
if when == "sorting":
    with ClassFolders(out) as folders:
        folders.add(new_folder.__file__, "cat")
        wait()
with new_folder.new_folder(out, ["file", "more"]) as folder:
    for name in ("file", "more"):
        (folder / name).write_text("new")
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
    with new_folder(tmp_path / "out") as folder:
        for name in ("file", "more"):
            (folder / name).write_text("earlier")


@pytest.mark.parametrize(("writer", "text"), [("replacing", "earlier"), ("filling", "new")], indirect=["writer"])
def test_an_exchange_in_which_a_process_was_killed_is_undone_or_completed(earlier, writer, text, tmp_path):
    writer.kill()
    writer.wait()
    assert names(tmp_path / "out") != ["file", "more"]
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "out", ["file", "more"]):
        raise ZeroDivisionError
    assert names(tmp_path) == ["out"]
    assert names(tmp_path / "out") == ["file", "more"]
    assert {path.read_text() for path in (tmp_path / "out").iterdir()} == {text}


@pytest.mark.parametrize("failing", range(1, 6))
def test_an_exchange_that_fails_is_undone(earlier, failing, tmp_path, monkeypatch):
    move, calls = new_folders._move, []

    def fail(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        move(source, target)

    monkeypatch.setattr(new_folders, "_move", fail)
    out = tmp_path / "out"
    with pytest.raises(FolderError, match=r"No space left"), new_folder(out, ["file", "more"]) as folder:
        for name in ("file", "more"):
            (folder / name).write_text("new")
    assert len(calls) == failing
    assert names(tmp_path) == ["out"]
    assert names(out) == ["file", "more"]
    assert {path.read_text() for path in out.iterdir()} == {"earlier"}


def make_places(tmp_path):
    """Makes empty folders that cannot be replaced, or hold only what killed processes left."""
    for name in ("plain", "locked", "partial", "mounted", "current"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("plain")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "locked" / ".lock").touch()
    (tmp_path / "partial" / ".partial-abcdefgh-x.csv").touch()


@pytest.mark.parametrize("name", ["link", "dangling", "locked", "partial", "mounted", "."])
def test_a_folder_that_passes_the_check_is_written(name, tmp_path, monkeypatch):
    make_places(tmp_path)
    monkeypatch.chdir(tmp_path / "current")
    path = Path(name) if name == "." else tmp_path / name
    if name == "mounted":  # the system moves no mount point, and nothing from one file system to another
        rename = Path.rename

        def within(source, target):
            if path in (source, target) or (path in source.parents) != (path in target.parents):
                raise OSError(16, "Device or resource busy")
            return rename(source, target)

        monkeypatch.setattr(Path, "rename", within)
        monkeypatch.setattr(Path, "rmdir", lambda path: pytest.fail("a mount point stays"))
    before = names(tmp_path)
    check_new_folder(path, "out")
    with new_folder(path) as folder:
        (folder / "file").write_text("first")
        assert not (path / "file").exists()
    check_replaceable(path, ["file"], "out")
    with new_folder(path, ["file"]) as folder:
        (folder / "file").write_text("second")
        assert (path / "file").read_text() == "first"
    assert (path / "file").read_text() == "second"
    assert [one for one in names(path) if not one.startswith(".")] == ["file"]
    assert names(tmp_path) == sorted({*before, "nowhere"} if name == "dangling" else before)
    assert not names(tmp_path / "current") or name == "."
    assert (tmp_path / "link").is_symlink() and (tmp_path / "dangling").is_symlink()


def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(FolderError, match=r"loop cannot be written: it is a link to itself\. Give another `sort_into`"):
        check_new_folder(tmp_path / "loop", "sort_into")
    with hold(tmp_path / "held"), pytest.raises(FolderInUseError, match="held is in use by process"):
        check_new_folder(tmp_path / "held", "out")
    (tmp_path / "mounted").mkdir()
    for writable in (tmp_path, tmp_path / "mounted"):
        monkeypatch.setattr(os, "access", lambda path, mode, writable=writable: Path(path) == writable)
        check_new_folder(tmp_path / ("new" if writable == tmp_path else "mounted"), "out")
        with pytest.raises(FolderError, match="you have no permission"):
            check_new_folder(tmp_path / ("mounted" if writable == tmp_path else "new"), "out")
