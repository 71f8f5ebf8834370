"""A study that is killed at any moment ends, resumed, as one that was left alone."""

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
import pytest

from kerasclf.files import digest_of
from kerasclf.studies.run_folder import StudyFolder
from tests.studies.killable import killable_study

ROOT = Path(__file__).parents[2]


def start(folder, jobs):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.studies.killable", str(folder), str(jobs)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def kill(process, with_workers):
    """Kills a study with SIGKILL, with its workers or leaving them to find out."""
    workers = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    for worker in workers if with_workers else ():
        worker.kill()
    process.wait()
    process.stdout.close()
    alive = psutil.wait_procs(workers, timeout=20)[1]
    assert not alive, "workers outlived the study that wanted them"


def finish(folder, jobs):
    process = start(folder, jobs)
    said = process.communicate(timeout=540)[0]
    assert process.returncode == 0, said
    return said


def outcome(folder):
    """Returns what must be the same: predictions to the byte, history but its times, weights to the bit."""
    import keras

    found = {}
    for name, experiment in killable_study().experiments.items():
        run = StudyFolder(folder).run(name, experiment.identity, 0)
        run.check(experiment, 0)
        assert not run.partial.exists()
        history = run.history().drop(columns=["seconds", "images_per_second"])
        weights = keras.models.load_model(run.path / "model.keras").get_weights()
        found[name] = digest_of(run.path / "predictions.csv"), history, weights
    return found


def check_same(folder, undisturbed):
    for (name, one), other in zip(outcome(folder).items(), outcome(undisturbed).values(), strict=True):
        assert one[0] == other[0], f"{name}: predictions differ"
        pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
        for a, b in zip(one[2], other[2], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    finish(folder, jobs=2)
    return folder


def test_a_killed_study_ends_as_one_left_alone(tmp_path, undisturbed):
    """Killed in the middle of its second pair of runs; the workers are left to notice."""
    folder = tmp_path / "study"
    process = start(folder, jobs=2)
    for line in process.stdout:
        if "plateau" in line and "epoch 2/" in line:
            break
    kill(process, with_workers=False)
    said = finish(folder, jobs=2)
    assert "is finished already" in said
    assert "plateau  goes on after epoch" in said
    check_same(folder, undisturbed)


@pytest.mark.slow
def test_a_study_killed_twenty_times_ends_as_one_left_alone(tmp_path, undisturbed):
    draw = random.Random(7)
    folder, kills = tmp_path / "study", 0
    while kills < 20:
        process = start(folder, jobs=2)
        # From before the first run starts to several epochs into it.
        time.sleep(draw.uniform(5, 19))
        if process.poll() is not None:
            process.stdout.close()
            pytest.fail(f"the study had ended before it was killed {kills + 1} times")
        kill(process, with_workers=kills % 2 == 0)
        kills += 1
    finish(folder, jobs=2)
    check_same(folder, undisturbed)
