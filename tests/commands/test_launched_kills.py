"""Twenty kills of random processes of `kerasclf launch` at random moments: all others end, and the command resumes."""

import contextlib
import itertools
import random
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from tests.commands.test_launched_runs import history
from tests.studies.kills import ROOT, KilledCommand

KILLS, SEED, EPOCHS = 20, 23, 60
# All processes end within this time after a kill: docs/several_machines.md.
ENDED_S = 30
# The processes of the two workers, by words of their command lines. Several processes of one kind follow each other.
VICTIMS = {
    "launch 0": ("launch", "--local"),
    "launch 1": ("launch", "--index"),
    "command": ("kerasclf", "train", "digits"),
    "run": ("kerasclf.runs.engines.worker",),
    "share": ("kerasclf.runs.launch.share_worker",),
}


class Launch(KilledCommand):
    """A launch that is killed and repeated with the same command."""

    def __init__(self, folder, out):
        words = ["train", "digits", "--backbone", "mlp", "--weights", "none", "--unfreeze", "all"]
        words += ["--image-size", "16x16", "--head-epochs", "1", "--epochs", str(EPOCHS), "--batch-size", "64"]
        self.logs, self.out = folder / "logs", out
        launch = ["-m", "kerasclf", "launch", "--local", "2", "--timeout", "20", "--logs", str(self.logs), "--"]
        environment = {"KERASCLF_CACHE": str(folder / "cache")}
        super().__init__([*launch, *words, "--out", str(out)], folder, environment)

    def start(self):
        self.logs.mkdir(exist_ok=True)
        for log in self.logs.iterdir():
            log.unlink()
        with (self.logs / "worker-0.log").open("w") as log:
            return subprocess.Popen(
                [sys.executable, *self.arguments], cwd=ROOT, env=self.environment, stdout=log, stderr=log
            )

    def log(self, worker):
        path = self.logs / f"worker-{worker}.log"
        return path.read_text() if path.exists() else ""

    def running(self):
        """Returns the processes by their kind in `VICTIMS`."""
        found = {}
        for process in self.processes(seconds=0):
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                words = line[line.index("-m") :] if "-m" in line else line
                kinds = [kind for kind, known in VICTIMS.items() if all(word in words for word in known)]
                if kinds:
                    found.setdefault(kinds[0], []).append(process)
        return found

    def files(self, pattern):
        """Returns the names of files of the run that is not complete yet."""
        return {path.name for path in self.out.glob(f"runs/*/seed-0.partial/{pattern}")}

    def checkpoints(self):
        return self.files("checkpoints/phase-2/epoch-*.npz")

    def wait_until(self, condition, seconds=120):
        """Waits for a moment, which it must not miss."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, self.log(0)
            time.sleep(0.0005)


# Each moment has two parts: what leads to it, and the wait that ends with it. In between, the process is chosen.
def at_its_start(launch, draw):
    time.sleep(draw.uniform(0.3, 10))
    return lambda: None


def in_an_epoch(launch, draw):
    _next_checkpoint(launch)
    return lambda: time.sleep(draw.uniform(0, 1))


def between_epochs(launch, draw):
    _next_checkpoint(launch)
    return lambda: _next_checkpoint(launch)


def while_it_writes(launch, draw):
    """A checkpoint has another name until it is complete."""
    _next_checkpoint(launch)
    return lambda: launch.wait_until(lambda: launch.files("checkpoints/phase-2/.epoch-*"))


def while_it_ends(launch, draw):
    launch.wait_until(lambda: f"epoch-{EPOCHS:05}.npz" in launch.checkpoints(), 400)
    return lambda: launch.wait_until(lambda: launch.files("result/*.csv"))


def _next_checkpoint(launch):
    before = launch.checkpoints()
    launch.wait_until(lambda: launch.checkpoints() - before)


MOMENTS = [*itertools.islice(itertools.cycle((at_its_start, in_an_epoch, while_it_writes, between_epochs)), KILLS - 1)]


def kill_one(launch, moment, draw):
    """Kills a process at a moment and checks how the others end. Returns its kind."""
    process = launch.start()
    wait = moment(launch, draw)
    running = launch.running()
    kind = draw.choice(sorted(running))
    victim = draw.choice(running[kind])
    wait()
    assert process.poll() is None, launch.log(0)
    victim.kill()
    killed = time.monotonic()
    code = process.wait(ENDED_S)
    left = launch.processes(seconds=max(0, ENDED_S - (time.monotonic() - killed)))
    print(f"{moment.__name__}: {kind} of {sorted(running)}, ended after {time.monotonic() - killed:.1f} s", flush=True)
    logs = launch.log(0), launch.log(1)
    assert left == [], (kind, [one.cmdline() for one in left], logs)
    assert code == -9 if kind == "launch 0" else code in (1, 2), (kind, code, logs)
    assert "Traceback" not in logs[0], logs
    if kind in ("launch 1", "share"):
        assert any(f"{before}worker 1 (127.0.0.1:" in logs[0] for before in ("error: ", "  - ")), logs
    elif "launch 1" in running:
        assert " worker 0 (127.0.0.1:" in logs[1].rpartition("error:")[2], (kind, logs)
    return kind


@pytest.mark.slow
def test_twenty_random_kills_end_all_workers_and_the_run_resumes(tmp_path):
    draw, kinds, epochs = random.Random(SEED), [], [0]
    (tmp_path / "killed").mkdir()
    launch = Launch(tmp_path / "killed", tmp_path / "killed" / "out")
    for moment in MOMENTS:
        kinds.append(kill_one(launch, moment, draw))
        epochs.append(max((int(name[6:11]) for name in launch.checkpoints()), default=0))
    assert epochs == sorted(epochs), "the run has lost epochs"
    assert epochs[-1] < EPOCHS
    kinds.append(kill_one(launch, while_it_ends, draw))
    assert {*kinds} == {*VICTIMS}
    finish(launch)
    (tmp_path / "whole").mkdir()
    whole = Launch(tmp_path / "whole", tmp_path / "whole" / "out")
    finish(whole)
    assert len(history(launch.out)) == EPOCHS + 1
    np.testing.assert_allclose(history(launch.out), history(whole.out), rtol=1e-6)


def finish(launch):
    process = launch.start()
    assert process.wait(400) == 0, launch.log(0)
    assert launch.processes() == []
    assert list(launch.temporary.iterdir()) == []
