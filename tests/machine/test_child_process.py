"""Processes that end with the process that started them, at any moment."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from kerasclf.machine.child_process import start_child

ROOT = Path(__file__).parents[2]
# Starts a process, prints its number and the folder of its temporary files, and waits.
PARENT = """
import subprocess, sys, threading
from kerasclf.machine.child_process import start_child
from kerasclf.files.temporary import TemporaryFolder
temporary = TemporaryFolder()
child = start_child("tests.endless_import", (), temporary.environment, subprocess.PIPE)
child.stdin.write("a request that nobody reads")
child.stdin.flush()
print(child.stdout.readline().strip(), child.pid, temporary.path, flush=True)
threading.Event().wait()
"""


# Runs before the child process: a system without poll, such as Windows.
WITHOUT_POLL = "import select; del select.poll"


@pytest.mark.parametrize("poll", [True, False])
def test_a_process_whose_parent_is_killed_ends_during_its_imports_and_removes_the_temporary_folder(poll, tmp_path):
    (site := tmp_path / "site").mkdir()
    (site / "sitecustomize.py").write_text("" if poll else WITHOUT_POLL)
    (temporary := tmp_path / "temporary").mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={"PYTHONPATH": f"{site}:{ROOT}", "TMPDIR": str(temporary)},
    )  # fmt: skip
    with parent:
        state, number, folder = parent.stdout.readline().split()
        assert state == "importing"
        child = psutil.Process(int(number))
        assert Path(folder).parent == temporary
        parent.kill()
    assert not psutil.wait_procs([child], timeout=20)[1], "the process outlived its parent"
    assert list(temporary.iterdir()) == []


def test_a_process_runs_the_function_main_of_a_module(tmp_path):
    (tmp_path / "echo.py").write_text("import sys\ndef main():\n    print(sys.argv, sys.stdin.readline())\n")
    child = start_child("echo", ["--loud"], {"PYTHONPATH": f"{tmp_path}:{ROOT}"}, subprocess.PIPE)
    assert child.communicate("hello\n")[0] == "['echo', '--loud'] hello\n\n"
    assert child.returncode == 0
