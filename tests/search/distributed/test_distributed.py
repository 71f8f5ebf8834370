"""A chief and its workers on this machine: one is killed, one never comes back, the chief is killed, there is none."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kerasclf.search import read_search
from kerasclf.search.budget import parse_duration
from kerasclf.search.distributed.address import PATIENCE

ROOT = Path(__file__).parents[2]
SPACE = '["train.learning_rate"]\nfloat = [1e-3, 1e-1]\nlog = true\n'
EXPERIMENT = """
data = "shapes"
[split]
train_per_class = 40
test_per_class = 2
validation = 0.25
[augmentation]
rescale = 0.00392156862745098
[train]
epochs = {epochs}
batch_size = 16
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Searching:
    """A chief and workers in a folder of their own."""

    def __init__(self, folder, epochs=12):
        self.folder, self.out, self.port = folder, folder / "out", str(free_port())
        (folder / "space.toml").write_text(SPACE)
        (folder / "experiment.toml").write_text(EXPERIMENT.format(epochs=epochs))
        self.started = []

    def start(self, name, *arguments):
        with (self.folder / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "kerasclf", "search", *arguments, "--out", str(self.out), "--port", self.port],
                cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        self.started.append(process)
        return process

    def chief(self, *more, trials=6):
        before = self.log("chief").count("the chief listens")
        chief = self.start(
            "chief", str(self.folder / "experiment.toml"), "--space", str(self.folder / "space.toml"), "--chief",
            "--oracle", "tpe", "--jobs", "3", "--max-trials", str(trials), "--final-repeats", "0", *more,
        )  # fmt: skip
        while self.log("chief").count("the chief listens") == before:
            assert chief.poll() is None, self.log("chief")
            time.sleep(0.2)
        return chief

    def worker(self, name, *more):
        return self.start(name, "--worker", "--name", name, *more)

    def log(self, name):
        path = self.folder / f"{name}.log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, name, words, seconds=900):
        until = time.monotonic() + seconds
        while words not in self.log(name):
            assert time.monotonic() < until, f"{words!r} is not in {name}'s log:\n{self.log(name)}"
            time.sleep(0.2)

    def wait_for_epochs(self, count, seconds=900):
        """Waits until a run has so many finished epochs, and returns its folder."""
        until = time.monotonic() + seconds
        while True:
            for path in self.out.glob(f"runs/*/*.partial/checkpoints/phase-1/epoch-{count:05}.npz"):
                return path.parents[2]
            assert time.monotonic() < until, "no run has got so far"
            time.sleep(0.1)

    def end(self):
        for process in self.started:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for one in [process, *children]:
                if one.poll() is None if isinstance(one, subprocess.Popen) else one.is_running():
                    one.kill()
            process.wait()


@pytest.fixture
def searching(tmp_path):
    found = Searching(tmp_path)
    yield found
    found.end()


def worker_process(keeper):
    """Returns the process that does a worker's work, which its keeper starts again when it dies."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        for child in psutil.Process(keeper.pid).children():
            if "kerasclf.search.distributed.search_worker" in " ".join(child.cmdline()):
                return child
        time.sleep(0.1)
    raise AssertionError("it has no worker")


@pytest.mark.slow
def test_a_chief_and_three_workers_one_of_which_is_killed_in_a_trial(searching):
    chief = searching.chief("--lease", "15m")  # however slow the machine is: the trial is to wait for its worker
    keepers = {name: searching.worker(name) for name in ("one", "two", "three")}
    searching.wait_for("two", "two: trial")
    searching.wait_for_epochs(3)
    worker_process(keepers["two"]).send_signal(signal.SIGKILL)
    searching.wait_for("two", "two died (exit code -9); it is started again and goes on with its trial")
    assert chief.wait(1500) == 0, searching.log("chief")
    for name, keeper in keepers.items():
        assert keeper.wait(300) == 0, searching.log(name)
        assert f"{name}: the search is over" in searching.log(name)
    found = read_search(searching.out)
    assert [t.status for t in found.trials] == ["completed"] * 6
    assert [t.epochs for t in found.trials] == [12] * 6
    assert found.best.value == max(t.value for t in found.trials)
    # The trial that it had was given to it again, and was its next one.
    had = [line for line in searching.log("two").splitlines() if line.startswith("two: trial")]
    assert had[0] == had[1]
    assert "without authentication" in searching.log("chief")


@pytest.mark.slow
def test_a_worker_that_never_comes_back_loses_its_trial_to_another(searching):
    chief = searching.chief("--lease", "30s", trials=3)
    lost = searching.worker("lost")
    searching.wait_for_epochs(2)
    worker_process(lost).kill()  # its run ends with it
    lost.kill()
    searching.worker("other")
    assert chief.wait(1500) == 0, searching.log("chief")
    assert "nothing was heard of lost for" in searching.log("chief")
    assert [t.status for t in read_search(searching.out).trials] == ["completed"] * 3


@pytest.mark.slow
def test_a_chief_that_was_killed_goes_on_with_its_workers(searching):
    chief = searching.chief(trials=4)
    searching.worker("one")
    searching.wait_for_epochs(2)
    chief.kill()
    chief.wait()
    again = searching.chief(trials=4)
    assert again.wait(1500) == 0, searching.log("chief")
    assert searching.started[1].wait(300) == 0
    assert [t.status for t in read_search(searching.out).trials] == ["completed"] * 4
    assert searching.log("one").count("one: trial 1\n") == 1, "the worker was not left at its trial"


@pytest.mark.slow
def test_a_chief_ends_when_the_time_is_over_or_nobody_comes(searching, tmp_path):
    chief = searching.chief("--max-time", "20s", trials=50)
    searching.worker("one")
    assert chief.wait(600) in (0, 2)  # 2 where no trial was finished in this time
    assert "the time is over" in searching.log("chief")
    (tmp_path / "alone").mkdir()
    alone = Searching(tmp_path / "alone")
    assert alone.chief("--patience", "3s").wait(300) == 2
    assert "No worker was heard of for 3 s" in alone.log("chief")


@pytest.mark.slow
def test_a_worker_whose_chief_dies_says_so_and_keeps_its_epoch(searching):
    chief = searching.chief()
    one = searching.worker("one")
    searching.wait_for_epochs(1)
    chief.kill()
    assert one.wait(300) == 2
    assert "has not answered for 45 s" in searching.log("one")


def test_a_worker_without_a_chief_says_so_within_a_minute(searching):
    assert parse_duration(PATIENCE["worker"], "--patience") < 60
    searching.out.mkdir()
    assert searching.worker("one", "--patience", "1s").wait(90) == 2
    assert "No chief answers at 127.0.0.1:" in searching.log("one")
    assert "Traceback" not in searching.log("one")
