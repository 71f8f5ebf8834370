"""Signals to the command. A stub takes the place of the work, which then needs no TensorFlow."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import kerasclf.__main__
from kerasclf import cli
from kerasclf.runs.engines.local_engines import Processes

ROOT = Path(__file__).parents[2]
STOPPED = "Stopped. Finished runs are complete, the others keep their last epoch. Repeat the command to resume."
# The command with other work. Each prints a line when it is to be interrupted.
WORK = {
    "work": """
def work(arguments):
    child = start_child("tests.endless_import", (), {})
    while True:
        time.sleep(0.1)
""",
    "printing": """
def work(arguments):
    child = start_child("tests.endless_import", (), {})
    try:
        while True:
            time.sleep(0.1)
    finally:
        print("a progress bar ends")
        open(os.environ["ENDED"], "w").close()
""",
    "import": """
class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "slow":
            print("importing", flush=True)
            while True:
                time.sleep(0.1)

def work(arguments):
    sys.meta_path.insert(0, Slow())
    try:
        import slow
    except BaseException:
        print("Traceback: the import was interrupted")
""",
    "finalizer": """
class Finalized:
    def __del__(self):
        print("importing", flush=True)
        while True:
            time.sleep(0.1)

def work(arguments):
    Finalized()
    print("Traceback: the command went on")
""",
    "ignored": """
def work(arguments):
    while True:
        try:
            print("importing", flush=True)
            while True:
                time.sleep(0.1)
        except KeyboardInterrupt:
            pass
""",
    "teardown": """
class Finalized:
    def __del__(self, write=os.write, sleep=time.sleep):
        write(1, b"importing\\n")
        sleep(1)

def work(arguments):
    sys.last_of_all = Finalized()
""",
    "failing end": """
def work(arguments):
    try:
        print("importing", flush=True)
        while True:
            time.sleep(0.1)
    finally:
        raise OSError("the terminal is closed")
""",
}
# The signals are set in the new process: code between fork and exec can crash a test process with gRPC's threads.
CODE = """
import os, signal, sys, time
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    signal.signal(number, signal.SIG_IGN if number in {ignored} else usual)
from kerasclf import cli
from kerasclf.machine import interruption
from kerasclf.__main__ import main
from kerasclf.machine.child_process import start_child
{work}
cli.main = work
interruption._SAME_S = {same_s}
interruption._GRACE_S = {grace_s}
main(["train"])
"""


def start(work, tmp_path, same_s=60, grace_s=60, ignored=(), **settings):
    """Starts the command and waits until it is to be interrupted. The other signals have their default effect."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings}
    code = CODE.format(work=WORK[work], same_s=same_s, grace_s=grace_s, ignored=list(map(int, ignored)))
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, **streams
    )
    if streams["stdout"] == subprocess.PIPE:
        assert process.stdout.readline() == "importing\n"
    return process


def check_stopped(process, tmp_path, children=()):
    try:
        out, error = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, error.strip()) == (130, STOPPED)
    assert out == ""
    assert not psutil.wait_procs(children, timeout=20)[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("work", ["work", "import"])
def test_a_signal_stops_the_command_its_processes_and_its_files(number, work, tmp_path):
    process = start(work, tmp_path)
    children = psutil.Process(process.pid).children()
    assert len(children) == (work == "work")
    process.send_signal(number)
    check_stopped(process, tmp_path, children)


@pytest.mark.parametrize("work", ["finalizer", "failing end"])
def test_an_exception_that_python_or_the_command_would_lose_stops_the_command_too(work, tmp_path):
    process = start(work, tmp_path)
    process.send_signal(signal.SIGINT)
    check_stopped(process, tmp_path)


def test_a_command_ends_with_the_launch_that_started_it(tmp_path):
    code = CODE.format(work=WORK["work"], same_s=60, grace_s=60, ignored=[])
    launch = (
        "import os, subprocess, sys; os.environ['KERASCLF_PARENT'] = str(os.getpid()); subprocess.call(sys.argv[1:])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", launch, sys.executable, "-c", code], cwd=ROOT, text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 2
    process.kill()
    out, error = process.communicate(timeout=30)  # until the command has closed them, too
    assert out == ""
    assert error.split("\n\n") == ["\nerror: kerasclf launch, which started this command, has ended.", f"{STOPPED}\n"]
    assert not psutil.wait_procs(children, timeout=20)[1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_a_finished_command_changes_nothing(number, tmp_path):
    process = start("teardown", tmp_path)
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


def test_five_signals_are_one(tmp_path):
    process = start("work", tmp_path)
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    check_stopped(process, tmp_path)


@pytest.mark.parametrize(("same_s", "grace_s", "signals"), [(0, 60, 2), (60, 0.1, 1)], ids=["again", "late"])
def test_an_end_that_does_not_come_is_forced(same_s, grace_s, signals, tmp_path):
    process = start("ignored", tmp_path, same_s, grace_s)
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "importing\n", "the first signal can be handled"
    for _ in range(signals - 1):
        process.send_signal(signal.SIGTERM)
    check_stopped(process, tmp_path)


def test_an_ignored_signal_stays_ignored(tmp_path):
    """As nohup does, and a shell script that starts a command in the background."""
    process = start("work", tmp_path, ignored=(signal.SIGHUP, signal.SIGINT))
    for number in (signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    check_stopped(process, tmp_path)


def test_a_closed_terminal_stops_the_command(tmp_path):
    ours, terminal = pty.openpty()
    code = CODE.format(work=WORK["printing"], same_s=60, grace_s=60, ignored=[])
    process = subprocess.Popen(
        # The command leads a session whose terminal is its standard input. Tests under nohup ignore SIGHUP.
        [sys.executable, "-c", f"import fcntl, signal, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
                               f"signal.signal(signal.SIGHUP, signal.SIG_DFL)\n{code}"],
        stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path), "ENDED": str(tmp_path / "ended")},
    )  # fmt: skip
    os.close(terminal)
    assert os.read(ours, 100).strip() == b"importing"
    children = psutil.Process(process.pid).children()
    assert len(children) == 1
    os.close(ours)
    try:
        assert process.wait(30) == 130
    finally:
        process.kill()
    assert not psutil.wait_procs(children, timeout=20)[1]
    assert list(tmp_path.iterdir()) == [tmp_path / "ended"], "the end was cut short, or files stay"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "--data", "digits"], STOPPED.removeprefix("Stopped. ")),
        (["search", "basenet"], STOPPED.removeprefix("Stopped. ")),
        (
            ["predict", "run", "photos"],
            "The files of --out and --sort-into appear only when they are complete. Repeat the command to start again.",
        ),
        (["evaluate"], "The report appears only when it is complete. Repeat the command to start again."),
        (
            ["export"],
            "The exported model appears only when it is complete and proved. Repeat the command to start again.",
        ),
        (["models"], ""),
        (["no-command"], ""),
        ([], ""),
    ],
)
def test_each_command_says_what_it_leaves(arguments, sentence):
    assert cli.after_interruption(arguments) == sentence


def test_the_library_installs_no_handler():
    assert kerasclf.__main__.main and Processes(1)._temporary.path.exists()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        assert "kerasclf" not in getattr(signal.getsignal(number), "__module__", "")
