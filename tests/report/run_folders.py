"""Run folders and results that the tests of the report share."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pandas as pd

from kerasclf import Experiment
from kerasclf.files.writing import write_json
from kerasclf.report import read_results, study_page
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.runs.run_folder import seal
from kerasclf.runs.run_tables import write_predictions
from tests.conftest import make_subset

BEFORE_CLASSES = ("image", "label", "true", "predicted")  # columns of predictions.csv
CLASSES = ("image", "label", "<b>")  # names that must not break a table or a page


def write_run(folder, name, experiment, seed, accuracy, test=None, classes=CLASSES, **data):
    """Writes a finished run with the given share of correct predictions.

    The test images are those of `test`: 30 of three classes unless others are given. `data` adds to its description.
    """
    subset = test or make_subset(30, shape=(2, 2, 3))
    count, rng = len(subset.labels), np.random.default_rng(seed)
    correct = rng.permutation(count) < round(count * accuracy)
    predicted = np.where(correct, subset.labels, (subset.labels + 1) % len(classes))
    probabilities = np.full((count, len(classes)), 0.1, np.float32)
    probabilities[np.arange(count), predicted] = 0.8
    run = folder.run(name, experiment.identity, seed).path
    run.mkdir(parents=True)
    pd.DataFrame(
        {"epoch": [1, 2], "loss": [2.0, 1.0], "accuracy": [0.3, accuracy], "val_loss": [2.1, 1.5],
         "val_accuracy": [0.3, accuracy], "learning_rate": 0.1, "seconds": 1.0, "images_per_second": 100.0}
    ).to_csv(run / "history.csv", index=False)  # fmt: skip
    write_predictions(run / "predictions.csv", subset, probabilities, classes)
    write_json(run / "classes.json", classes)
    write_json(
        run / "metrics.json",
        {"test_accuracy": accuracy, "test_loss": 1.0 + seed, "test_macro_f1": accuracy,
         "validation_accuracy": accuracy, "validation_loss": 1.5, "epochs": 2, "best_epoch": 2,
         "images_per_second": 100.0, "seconds": 2.0, "parameters": 1234},
    )  # fmt: skip
    write_json(run / "environment.json", {"python": "3", "system": "Linux", "packages": {"keras": "3"},
                                          "processor": "A CPU", "cores": 2, "gpus": []})  # fmt: skip
    seal(
        run,
        {"experiment": experiment.to_dict(), "seed": seed, "class_names": list(classes), "finished": "today",
         "data": {"title": "shapes (drawn)", "manifest": "abc", "image_shape": [2, 2, 3],
                  "images": {"train": 1, "validation": 200, "test": count}, **data}},
    )  # fmt: skip


def draw_nothing(monkeypatch):
    """Leaves out the figures of a page, which take seconds."""
    monkeypatch.setattr(study_page, "themed_figure", lambda draw, path: defaultdict(str))
    monkeypatch.setattr(study_page, "draw_confusion", lambda experiment: None)
    monkeypatch.setattr(study_page, "save_figure", lambda figure, path: {"png": b""})


def with_correct(folder, **correct):
    """The results of a study in which experiments have so many of 30 images correct, by seed; other runs left out."""
    results = read_results(folder.path)
    changed = [
        replace(
            e, runs=tuple(_run_with(run, correct[e.name][run.seed]) for run in e.runs if run.seed in correct[e.name])
        )
        for e in results.experiments
    ]
    return replace(results, experiments=tuple(changed))


def in_groups(results, groups, **data):
    """The results with the group of each test image; `data` adds to the description of the runs, too."""
    data = {"test_groups": list(groups), **data}
    changed = [replace(e, runs=tuple(_described(run, data) for run in e.runs)) for e in results.experiments]
    return replace(results, experiments=tuple(changed))


def _described(run, data):
    return replace(run, description={**run.description, "data": {**run.description["data"], **data}})


def with_top5(results, *accuracies):
    """The results with a top-5 accuracy for each experiment, in all its runs; None for an experiment without one."""
    changed = [
        replace(e, runs=tuple(replace(r, metrics={**r.metrics, "test_top5_accuracy": top5}) for r in e.runs))
        if top5 else e
        for e, top5 in zip(results.experiments, accuracies, strict=True)
    ]  # fmt: skip
    return replace(results, experiments=tuple(changed))


def with_classes(run, count):
    """An experiment with one run whose data has so many classes; the last two classes are the worst."""
    labels = np.repeat(np.arange(count), 4)
    correct = np.arange(4 * count) % 4 < 3 - 2 * (labels >= count - 2)
    predicted = np.where(correct, labels, (labels + 1) % (count - 2))
    names = [f"A rather long name of class {i}" for i in range(count)]
    many = replace(run, labels=labels, probabilities=np.eye(count)[predicted],
                   description={**run.description, "class_names": names})  # fmt: skip
    return ExperimentResults("many", Experiment(), (many,), None)


def _run_with(run, correct):
    predicted = np.where(np.arange(30) < correct, run.labels, (run.labels + 1) % 3)
    return replace(run, probabilities=np.eye(3)[predicted], metrics={**run.metrics, "test_accuracy": correct / 30})
