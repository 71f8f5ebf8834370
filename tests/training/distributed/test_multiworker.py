"""Workers that train together: equal histories and weights, and those of one process or of two devices."""

import inspect
import json
import subprocess
import sys

import keras
import numpy as np
import pytest

from kerasclf.training.distributed import multiworker
from kerasclf.training.distributed.multiworker import note_mended_keras
from tests.worker_processes import train_recipe

METRICS = ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"]


def trained_by(workers, folder, name):
    """Returns the histories and the weights of the workers; of two logical devices if there are 0."""
    words = [sys.executable, "-m", "tests.worker_processes", str(workers), str(folder), name]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = []
    for index in range(workers) if workers else ["devices"]:
        rows = json.loads((folder / f"{index}.json").read_text())
        with np.load(folder / f"{index}.npz") as weights:
            found.append(([[row[name] for name in METRICS] for row in rows], list(weights.values())))
    return found


def assert_close(a, b, rtol=1e-5, atol=2e-6):
    np.testing.assert_allclose(a[0], b[0], rtol=rtol)
    for one, other in zip(a[1], b[1], strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


def one_process(name):
    rows, weights = train_recipe(name, "none")
    return [[row[metric] for metric in METRICS] for row in rows], weights


def assert_equal(found):
    for histories, weights in found[1:]:
        assert histories == found[0][0]
        for one, other in zip(weights, found[0][1], strict=True):
            np.testing.assert_array_equal(one, other)


def test_two_workers_train_as_one_process(tmp_path):
    """19 images in batches of 8 do not divide: the last batch gives 2 images to one worker and 1 to the other."""
    found = trained_by(2, tmp_path, "plain")
    assert_equal(found)
    assert_close(found[0], one_process("plain"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 3])
def test_averages_stopping_and_plateau_agree(tmp_path, workers):
    """With class weights and MixUp, which mixes images of several workers."""
    found = trained_by(workers, tmp_path, "averaged")
    assert_equal(found)
    assert_close(found[0], one_process("averaged"))


@pytest.mark.slow
def test_batch_normalisation_is_that_of_two_devices(tmp_path):
    workers, devices = trained_by(2, tmp_path, "normalised"), trained_by(0, tmp_path, "normalised")
    assert_equal(workers)
    assert_close(workers[0], devices[0], rtol=1e-4, atol=1e-5)


def test_keras_still_needs_to_be_mended():
    """If this fails after an update of Keras, see whether training/distributed/multiworker.py is still needed."""
    lines = []
    note_mended_keras(lines.append)
    assert lines == []


def test_a_keras_that_needs_no_mending_is_named(monkeypatch):
    lines = []
    monkeypatch.setattr(inspect, "getsource", lambda found: "def reduce_per_replica(): pass")
    note_mended_keras(lines.append)
    assert lines == [
        f"Keras {keras.__version__} reduces the metrics of workers in another way than 3.15. "
        f"{multiworker.__name__.replace('.', '/')}.py may no longer be needed."
    ]
