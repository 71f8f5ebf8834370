"""A study that is killed at any moment and resumed gives results that are bit-identical to an uninterrupted study."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from kerasclf.files import file_digest
from kerasclf.studies.study_folder import StudyFolder
from tests.studies.killable import killable_study

ROOT = Path(__file__).parents[2]


ALL = tuple(killable_study().experiments)


def start(folder, names):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.studies.killable", str(folder), *names],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


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


def finish(folder, names):
    process = start(folder, names)
    log = process.communicate(timeout=540)[0]
    assert process.returncode == 0, log
    return log


def outcome(folder, names):
    """Returns what must be identical: the predictions, the history without times, and the weights."""
    import keras

    found = {}
    for name in names:
        experiment = killable_study().experiments[name]
        run = StudyFolder(folder).run(name, experiment.identity, 0)
        run.check(experiment, 0)
        assert not run.partial.exists()
        history = run.history().drop(columns=["seconds", "images_per_second"])
        weights = keras.models.load_model(run.path / "model.keras").get_weights()
        found[name] = file_digest(run.path / "predictions.csv"), history, weights
    return found


def check_same(folder, uninterrupted, names):
    expected = outcome(uninterrupted, names)
    for name, one in outcome(folder, names).items():
        other = expected[name]
        assert one[0] == other[0], f"{name}: predictions differ"
        pd.testing.assert_frame_equal(one[1], other[1], check_exact=True)
        for a, b in zip(one[2], other[2], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("ema",), id="one", marks=pytest.mark.slow),
        pytest.param(("plateau", "ema"), id="side by side", marks=pytest.mark.slow),
    ],
)
def test_a_killed_study_ends_like_an_uninterrupted_one(tmp_path, names):
    """The study is killed in the middle of its runs, and its workers end by themselves."""
    finish(tmp_path / "uninterrupted", names)
    process = start(tmp_path / "study", names)
    for line in process.stdout:
        if names[0] in line and "epoch 2/" in line:
            break
    kill(process, with_workers=False)
    assert f"{names[0]}  resumes after epoch" in finish(tmp_path / "study", names)
    check_same(tmp_path / "study", tmp_path / "uninterrupted", names)


def test_ctrl_c_stops_a_study_and_its_workers(tmp_path):
    command = [sys.executable, "-m", "kerasclf", "study", "basenet", "--data", "digits", "--image-size", "32x32",
               "--jobs", "2", "--only", "sgd_40", "--repeats", "2", "--out", str(tmp_path / "out")]  # fmt: skip
    # In the background a shell ignores Ctrl-C, and the children of these tests would inherit that.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    for line in process.stdout:
        if "epoch 1/40" in line:
            break
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.send_signal(signal.SIGINT)
    try:
        log = process.communicate(timeout=60)[1]
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Repeat the command to resume." in log
    assert "Traceback" not in log
    assert not psutil.wait_procs(workers, timeout=5)[1]


@pytest.mark.slow
def test_studies_killed_twenty_times_end_like_an_uninterrupted_one(tmp_path):
    """The moments are random, from before the first run to several epochs into one, in as many studies as needed."""
    draw = random.Random(7)
    finish(tmp_path / "uninterrupted", ALL)
    studies = [tmp_path / "study-0"]
    kills = 0
    while kills < 20:
        process = start(studies[-1], ALL)
        try:
            process.communicate(timeout=draw.uniform(4, 25))
        except subprocess.TimeoutExpired:
            kill(process, with_workers=kills % 2 == 0)
            kills += 1
        else:  # The study has finished first: start another one.
            assert process.returncode == 0
            studies.append(tmp_path / f"study-{len(studies)}")
    finish(studies[-1], ALL)
    for study in studies:
        check_same(study, tmp_path / "uninterrupted", ALL)
