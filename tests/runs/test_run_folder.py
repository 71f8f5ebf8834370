"""The files of a run: predictions with the names of their classes."""

import csv
import os

import numpy as np
import pandas as pd
import pytest

from kerasclf.errors import FolderError
from kerasclf.files.csv_files import csv_text
from kerasclf.files.writing import write_json
from kerasclf.networks.model_file import CLASSES
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder, seal
from kerasclf.runs.run_tables import write_predictions
from tests.conftest import make_subset

# Names that a table could take for a number, a missing value, a truth value, or several columns.
NAMES = ("1", "nan", "True", 'a "quoted", name\r\nin two lines', "=cmd\r", "p_label", "label")


@pytest.fixture
def run(tmp_path):
    subset = make_subset(14, num_classes=7, shape=(2, 2, 3))
    predicted = (subset.labels + np.arange(14) // 7) % 7  # the first seven are correct
    probabilities = np.full((14, 7), 0.05, np.float32)
    probabilities[np.arange(14), predicted] = 0.7
    write_predictions(tmp_path / "predictions.csv", subset, probabilities, NAMES)
    write_json(tmp_path / CLASSES, NAMES)
    images = {"train": 1, "validation": 1, "test": 14}
    data = {"title": "grey", "manifest": "abc", "images": images, "image_shape": [2, 2, 3]}
    described = {"experiment": Experiment().to_dict(), "seed": 0, "data": data, "class_names": NAMES}
    seal(tmp_path, {**described, "finished": "today"})
    return RunFolder(tmp_path)


def test_predictions_name_the_true_and_the_predicted_class(run):
    with (run.path / "predictions.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["image", "label", "true", "predicted", *(f"p_{name}" for name in NAMES)]
    assert rows[3][:6] == ["3", "3", NAMES[3], NAMES[3], "0.0500000007", "0.0500000007"]
    assert [row[2] for row in rows] == [*NAMES, *NAMES]
    assert [row[3] for row in rows[7:]] == [*NAMES[1:], NAMES[0]]


@pytest.mark.parametrize("named", [True, False])
def test_predictions_are_read_as_numbers_with_or_without_names(run, named):
    path = run.path / "predictions.csv"
    if not named:  # as earlier versions wrote it
        table = pd.read_csv(path, dtype=str, na_filter=False).drop(columns=["true", "predicted"])
        path.write_bytes(csv_text([table.columns, *table.to_numpy()]).encode())
    labels, probabilities = run.predictions()
    np.testing.assert_array_equal(labels, np.arange(14) % 7)
    assert probabilities.shape == (14, 7)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), (labels + np.arange(14) // 7) % 7)


def test_the_class_names_are_sealed_with_the_run(run):
    run.check(Experiment(), 0)
    write_json(run.path / CLASSES, ["dog", "cat"])
    with pytest.raises(FolderError, match=r"classes\.json was changed after the end of the run"):
        run.check(Experiment(), 0)


def test_all_files_of_a_run_are_on_the_disk_before_it_counts_as_complete(run, monkeypatch):
    synced, sync = set(), os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.add(os.fstat(handle).st_ino), sync(handle)))
    seal(run.path, {})
    assert synced >= {path.stat().st_ino for path in run.path.iterdir()}
