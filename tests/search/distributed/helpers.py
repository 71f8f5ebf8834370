"""Helpers for tests of chief and workers: an oracle without a network, and real processes."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from kerasclf.search import Budget, Search, Space
from kerasclf.search.distributed.address import Leases
from kerasclf.search.distributed.chief_oracle import ChiefOracle
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SilentSearchListener
from kerasclf.search.search_state import SearchState
from kerasclf.search.trial import TrialRun
from tests.search.fake import BASE, SPACE

ROOT = Path(__file__).parents[3]
LEASES = Leases(60, 600)
SPACE_FILE = '["train.learning_rate"]\nfloat = [1e-3, 1e-1]\nlog = true\n'
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


class LinesListener(SilentSearchListener):
    """Collects the logged lines."""

    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


def make_oracle(path, trials=3, failures=2, side_by_side=3):
    """Returns the oracle of a chief with the token "word", and its listener."""
    search, folder = Search(BASE, Space(SPACE), "tpe", side_by_side=side_by_side), SearchFolder(path)
    folder.claim(search, {})
    listener = LinesListener()
    state = SearchState(search, folder, Budget(trials, None, failures), listener)
    return ChiefOracle(state, LEASES, "word"), listener


def request(oracle, worker):
    """Requests a trial for a worker; returns its number, or the status if there is none."""
    answer = oracle.create_trial(worker)
    return int(answer.trial_id) if answer.status == "RUNNING" else answer.status


def end(oracle, number, status="completed"):
    """Ends a trial the way a worker does."""
    folder = oracle.state.folder
    if status == "completed":
        result = {"value": 0.5, "runs": (TrialRun(0, 0, "x/seed-0", {"seconds": 1.0}),), "curve": (0.5,)}
    else:
        result = {"message": "The loss is nan."}
    folder.write_outcome(folder.trial(number).but(status=status, **result))
    oracle.end_trial(oracle.get_trial(str(number)))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Processes:
    """A chief and workers as real processes."""

    def __init__(self, folder, epochs=12):
        self.folder, self.out, self.port = folder, folder / "out", str(free_port())
        (folder / "space.toml").write_text(SPACE_FILE)
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
        """Waits until a run has finished this number of epochs, and returns its folder."""
        until = time.monotonic() + seconds
        while True:
            for path in self.out.glob(f"runs/*/*.partial/checkpoints/phase-1/epoch-{count:05}.npz"):
                return path.parents[2]
            assert time.monotonic() < until, "no run has finished this many epochs"
            time.sleep(0.1)

    def end(self):
        for process in self.started:
            children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
            for one in [process, *children]:
                if one.poll() is None if isinstance(one, subprocess.Popen) else one.is_running():
                    one.kill()
            process.wait()


def worker_process(supervisor):
    """Returns the worker process that a supervisor restarts when it dies."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        for child in psutil.Process(supervisor.pid).children():
            if "kerasclf.search.distributed.search_worker" in " ".join(child.cmdline()):
                return child
        time.sleep(0.1)
    raise AssertionError("the supervisor has no worker")
