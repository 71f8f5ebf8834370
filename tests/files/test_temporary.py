"""Temporary files and folders of processes that were killed."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from kerasclf.files import temporary as temporary_module
from kerasclf.files.temporary import TemporaryFolder, remove_abandoned_folder
from kerasclf.files.writing import write_text

ROOT = Path(__file__).parents[2]
# Each prints the path of its temporary file or folder, and waits.
OWNERS = {
    "folder": "folder = TemporaryFolder(); print(folder.path, flush=True)",
    "file": "with replaced(Path(sys.argv[1]) / 'curves.svg') as partial: print(partial, flush=True); sys.stdin.read()",
}


@pytest.fixture
def owner(tmp_path, request):
    code = f"""
import sys
from pathlib import Path
from kerasclf.files.writing import replaced
from kerasclf.files.temporary import TemporaryFolder
{OWNERS[request.param]}
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    with process:
        process.path = Path(process.stdout.readline().strip())
        yield process
        process.kill()


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


@pytest.mark.parametrize("owner", ["folder"], indirect=True)
def test_the_folder_of_a_killed_process_is_removed_at_the_next_start(owner, tmp_path, here):
    (owner.path / "generated.py").write_text("")
    TemporaryFolder().remove()
    assert (owner.path / "generated.py").exists(), "the process still runs"
    owner.kill()
    owner.wait()
    assert owner.path.exists()
    TemporaryFolder().remove()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("owner", ["folder"], indirect=True)
def test_the_folder_of_a_process_ends_with_it(owner, tmp_path):
    assert owner.path.parent == tmp_path
    owner.stdin.close()
    owner.stdin = None
    assert owner.wait(20) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("owner", ["file"], indirect=True)
def test_the_partial_file_of_a_killed_process_is_removed_when_the_file_is_written_again(owner, tmp_path):
    assert owner.path.parent == tmp_path and owner.path.name.endswith("-curves.svg")
    write_text(tmp_path / "curves.svg", "new")
    assert owner.path.exists(), "the process still writes it"
    owner.kill()
    owner.wait()
    write_text(tmp_path / "curves.svg", "newer")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"curves.svg": "newer"}


def test_folders_of_others_stay(tmp_path, here):
    """A folder without a lock may have an owner that is about to lock it."""
    kept = [tmp_path / "kerasclf-tests-1", tmp_path / "kerasclf-temporary-new"]
    old = tmp_path / "kerasclf-temporary-old"
    for folder in (*kept, old):
        folder.mkdir()
    os.utime(old, (time.time() - 3600,) * 2)
    TemporaryFolder().remove()
    assert sorted(tmp_path.iterdir()) == kept[::-1]


def test_a_link_in_the_place_of_a_folder_is_not_followed(tmp_path, here):
    study = tmp_path / "study"
    study.mkdir()
    (study / ".lock").touch()
    (tmp_path / "kerasclf-temporary-x").symlink_to(study)
    TemporaryFolder().remove()
    assert study.is_dir()


def test_temporary_files_of_this_process_are_in_the_folder(here):
    folder = TemporaryFolder()
    folder.use()
    assert Path(tempfile.mkdtemp()).parent == folder.path
    assert folder.environment == {"TMPDIR": str(folder.path)}
    folder.remove()
    assert not folder.path.exists()


@pytest.mark.parametrize("in_use", [True, False])
def test_without_locks_an_open_file_cannot_be_renamed_and_its_folder_stays(in_use, tmp_path, monkeypatch):
    """As under Windows, which has no fcntl and refuses to rename an open file."""

    def refuse(path, target):
        raise PermissionError("[WinError 32] The process cannot access the file")

    (folder := tmp_path / "folder").mkdir()
    (folder / ".lock").touch()
    monkeypatch.setattr(temporary_module, "fcntl", None)
    if in_use:
        monkeypatch.setattr(Path, "replace", refuse)
    rescued = []
    remove_abandoned_folder(folder, lambda: rescued.append(folder))
    assert folder.exists() == in_use
    assert rescued == ([] if in_use else [folder])
