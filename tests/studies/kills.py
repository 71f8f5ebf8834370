"""Kills of a command at random moments, and what they must not leave behind."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil

from kerasclf.files.reading import file_digest
from kerasclf.studies.study_folder import StudyFolder

ROOT = Path(__file__).parents[2]
SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT", "SIGINT five times")
KINDS = ("group", "parent", "worker", *SIGNALS)
# An environment variable that only the processes of a test have.
MARK = "KERASCLF_KILL_TEST"


class KilledCommand:
    """A command that is started and killed repeatedly.

    Args:
        arguments: Arguments of Python, without the folder of the results.
        folder: Folder for the temporary files of the command.
        environment: Environment variables of the command, in addition to those of the test.
    """

    def __init__(self, arguments, folder, environment=None):
        self.arguments, self.temporary = arguments, folder / "temporary"
        self.temporary.mkdir()
        self.environment = {
            **os.environ, **(environment or {}), "TMPDIR": str(self.temporary), MARK: str(folder), "PYTHONPATH":
            os.pathsep.join([*filter(None, [(environment or {}).get("PYTHONPATH")]), str(ROOT)]),
        }  # fmt: skip

    def start(self, *more):
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [sys.executable, *self.arguments, *more], cwd=ROOT, env=self.environment, start_new_session=True,
            preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)],
            **streams,
        )  # fmt: skip

    def finish(self, *more):
        process = self.start(*more)
        error = process.communicate(timeout=600)[1]
        assert process.returncode == 0, error
        assert self.processes() == []
        assert list(self.temporary.iterdir()) == []

    def kill(self, kind, seconds, draw, *more):
        """Starts the command, kills it after some seconds and checks how it ended.

        Returns:
            Whether it was killed. Otherwise it had finished before.
        """
        process = self.start(*more)
        with contextlib.suppress(subprocess.TimeoutExpired):
            assert process.wait(seconds) == 0, process.communicate()[1]
            process.stderr.close()
            return False
        _kill(process, kind, draw)
        error = process.communicate(timeout=600 if kind == "worker" else 60)[1]
        if process.returncode == 0:
            return kind == "worker"
        print(f"{kind} after {seconds:.1f} s: exit code {process.returncode}", flush=True)
        assert "Traceback" not in error, error
        assert self.processes() == [], kind
        if kind in SIGNALS:
            assert process.returncode == 130, error
            assert list(self.temporary.iterdir()) == [], kind
        return True

    def processes(self, seconds=20):
        """Returns the processes of the command that still run after some seconds."""
        until = time.monotonic() + seconds
        while (found := [one for one in psutil.process_iter() if self._owns(one)]) and time.monotonic() < until:
            time.sleep(0.1)
        return found

    def _owns(self, process):
        with contextlib.suppress(psutil.Error, OSError):
            return process.environ().get(MARK) == self.environment[MARK]
        return False


def _kill(process, kind, draw):
    if kind == "group":
        os.killpg(process.pid, signal.SIGKILL)
    elif kind == "parent":
        process.kill()
    elif kind == "worker":
        workers = psutil.Process(process.pid).children(recursive=True)
        with contextlib.suppress(psutil.NoSuchProcess, IndexError):
            draw.choice(workers).kill()
    else:
        for _ in range(5 if kind == "SIGINT five times" else 1):
            process.send_signal(getattr(signal, kind.split()[0]))
            time.sleep(0.05)


def random_kills(command, count, seed, longest, outs):
    """Kills a command at random moments. When it has finished, it goes on with the next output.

    Args:
        command: The command.
        count: Number of kills.
        seed: Seed of the moments.
        longest: Maximum seconds before a kill.
        outs: Yields the arguments for a new output.

    Returns:
        The arguments of all outputs, which are finished.
    """
    draw = random.Random(seed)
    used, kills = [next(outs)], 0
    while kills < count:
        if command.kill(KINDS[kills % len(KINDS)], draw.uniform(1.5, longest), draw, *used[-1]):
            kills += 1
        else:
            used.append(next(outs))
    command.finish(*used[-1])
    return used


def start(module, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def wait_for(process, *words):
    """Reads the output of a process up to the first line that has all these words."""
    seen = []
    for line in process.stdout:
        seen.append(line)
        if all(word in line for word in words):
            return
    raise AssertionError(f"{words} never came:\n{''.join(seen)}")


def kill(process, with_workers):
    """Kills a study with SIGKILL, with its workers or without."""
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    for worker in workers if with_workers else ():
        worker.kill()
    process.wait()
    process.stdout.close()
    alive = psutil.wait_procs(workers, timeout=20)[1]
    assert not alive, "workers outlived their study"


def finish(module, *arguments):
    process = start(module, *arguments)
    log = process.communicate(timeout=540)[0]
    assert process.returncode == 0, log
    return log


def outcome(folder, experiments):
    """Returns what must be identical: the predictions, the history without times, and the weights."""
    import keras

    found = {}
    for name, experiment in experiments.items():
        run = StudyFolder(folder).run(name, experiment.identity, 0)
        run.check(experiment, 0)
        assert not run.partial.exists()
        history = run.history().drop(columns=["seconds", "images_per_second", "waiting_share"])
        weights = keras.models.load_model(run.path / "model.keras").get_weights()
        found[name] = file_digest(run.path / "predictions.csv"), history, weights
    return found


def check_outcomes(found, expected):
    assert found.keys() == expected.keys()
    for name, (predictions, history, weights) in found.items():
        other = expected[name]
        assert predictions == other[0], f"{name}: predictions differ"
        pd.testing.assert_frame_equal(history, other[1], check_exact=True)
        for a, b in zip(weights, other[2], strict=True):
            np.testing.assert_array_equal(a, b)
