"""Metrics against Keras' own, and all of metrics.json with exact values."""

import keras
import numpy as np
import pandas as pd
import pytest

from kerasclf.errors import TrainingError
from kerasclf.machine.meter import Resources
from kerasclf.runs import metrics
from kerasclf.runs.metrics import Outcome, halted_metrics, run_metrics
from kerasclf.training import EarlyStopping

# Two of four images are classified correctly.
LABELS = np.array([0, 0, 1, 1])
PROBABILITIES = np.array([[0.5, 0.5], [0.25, 0.75], [0.75, 0.25], [0.0, 1.0]])
ROWS = [
    {"epoch": 1, "val_accuracy": 0.3, "val_loss": 1.5, "images_per_second": 10.0, "waiting_share": 0.9, "seconds": 4.0},
    {
        "epoch": 2,
        "val_accuracy": 0.6,
        "val_loss": 1.2,
        "images_per_second": 90.0,
        "waiting_share": 0.25,
        "seconds": 2.0,
    },
    {
        "epoch": 3,
        "val_accuracy": 0.5,
        "val_loss": 1.1,
        "images_per_second": 110.0,
        "waiting_share": 0.5,
        "seconds": 1.0,
    },
]
OUTCOME = Outcome(pd.DataFrame(ROWS), best_epoch=2, seconds=7.5, parameters=42)


@pytest.fixture
def predicted():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    scores = rng.normal(size=(200, 4)) + 1.5 * np.eye(4)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, probabilities.astype(np.float32)


def test_all_metrics_of_a_run():
    found = run_metrics(OUTCOME, LABELS, PROBABILITIES, "test", Resources(peak_memory_mb=800.0, energy_kj=1.25))
    assert found == {
        "test_accuracy": 0.5,
        "test_loss": pytest.approx((np.log(2) + 2 * np.log(4)) / 4, abs=1e-7),  # the last image costs almost nothing
        "test_balanced_accuracy": 0.5,
        "test_macro_f1": 0.5,
        "validation_accuracy": 0.6,
        "validation_loss": 1.2,
        "epochs": 3,
        "best_epoch": 2,
        "images_per_second": 100.0,  # the median without the first epoch
        "waiting_share": 0.375,
        "seconds": 7.5,
        "parameters": 42,
        "peak_memory_mb": 800.0,
        "energy_kj": 1.25,
    }


def test_energy_is_left_out_if_it_was_not_counted():
    found = run_metrics(OUTCOME, LABELS, PROBABILITIES, "test", Resources(peak_memory_mb=800.0))
    assert "energy_kj" not in found
    counted = run_metrics(OUTCOME, LABELS, PROBABILITIES, "test", Resources(peak_memory_mb=800.0, energy_kj=0.0))
    assert counted["energy_kj"] == 0.0


def test_the_metrics_of_a_set_have_its_name():
    found = run_metrics(OUTCOME, LABELS, PROBABILITIES, "fold", Resources(1.0))
    assert [name for name in found if name.startswith("fold_")] == [
        "fold_accuracy", "fold_loss", "fold_balanced_accuracy", "fold_macro_f1",
    ]  # fmt: skip
    assert not any(name.startswith("test_") for name in found)


def test_a_single_epoch_has_a_speed():
    outcome = Outcome(pd.DataFrame(ROWS[:1]), best_epoch=1, seconds=4.0, parameters=42)
    assert run_metrics(outcome, LABELS, PROBABILITIES, "test", Resources(1.0))["images_per_second"] == 10.0


@pytest.mark.parametrize(("classes", "counted"), [(10, False), (11, True)])
def test_five_guesses_are_counted_with_more_than_ten_classes(classes, counted):
    labels, probabilities = np.array([0, 5]), np.full((2, classes), 1 / classes)
    found = run_metrics(OUTCOME, labels, probabilities, "test", Resources(1.0))
    assert ("test_top5_accuracy" in found) == counted
    assert found.get("test_top5_accuracy", 0.5) == 0.5


@pytest.mark.parametrize(
    ("early_stopping", "best_epoch", "accuracy", "loss"),
    [
        (None, 3, 0.5, 1.1),
        (EarlyStopping("val_accuracy", 2, restore_best=False), 3, 0.5, 1.1),
        (EarlyStopping("val_accuracy", 2, restore_best=True), 2, 0.6, 1.2),
        (EarlyStopping("val_loss", 2, restore_best=True), 3, 0.5, 1.1),
    ],
)
def test_the_metrics_of_a_halted_run(early_stopping, best_epoch, accuracy, loss):
    assert halted_metrics(ROWS, early_stopping) == {
        "halted": 1.0,
        "validation_accuracy": accuracy,
        "validation_loss": loss,
        "epochs": 3,
        "best_epoch": best_epoch,
        "seconds": 7.0,
    }


@pytest.mark.parametrize(("phases_of_rows", "best_epoch"), [((1, 1, 2), 3), ((1, 2, 2), 2), ((1, 1, 1), 3)])
def test_early_stopping_restores_no_epoch_of_an_earlier_phase(phases_of_rows, best_epoch):
    rows = [{**row, "phase": phase} for row, phase in zip(ROWS, phases_of_rows, strict=True)]
    rows[0]["val_accuracy"] = 0.9
    found = halted_metrics(rows, EarlyStopping("val_accuracy", 2), phases=2)
    assert found["best_epoch"] == best_epoch


def test_a_run_that_was_halted_in_its_first_epoch_has_no_accuracy():
    assert halted_metrics([], EarlyStopping("val_loss", 2)) == {"halted": 1.0, "epochs": 0, "seconds": 0.0}


def test_they_equal_those_of_keras(predicted):
    labels, probabilities = predicted
    loss = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    assert metrics.cross_entropy(*predicted) == pytest.approx(float(loss), rel=1e-5)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    accuracy.update_state(labels, probabilities)
    assert metrics.accuracy(*predicted) == pytest.approx(float(accuracy.result()))
    f1 = keras.metrics.F1Score(average="macro")
    f1.update_state(np.eye(4, dtype=np.float32)[labels], probabilities)
    assert metrics.macro_f1(*predicted) == pytest.approx(float(f1.result()), rel=1e-5)


def test_top_accuracy_equals_that_of_keras(predicted):
    of_keras = keras.metrics.SparseTopKCategoricalAccuracy(k=2)
    of_keras.update_state(*predicted)
    assert metrics.top_accuracy(*predicted, 2) == pytest.approx(float(of_keras.result()))
    assert metrics.accuracy(*predicted) < metrics.top_accuracy(*predicted, 2) < 1
    assert metrics.top_accuracy(*predicted, 1) == metrics.accuracy(*predicted)


def test_a_certain_prediction_is_no_guess_at_the_other_classes():
    labels, certain_of_the_last = np.array([0, 3, 4, 11]), np.eye(12)[[11] * 4]
    assert metrics.top_accuracy(labels, certain_of_the_last, 5) == 0.75  # the last, then the first four in order


def test_a_confident_error_costs_a_finite_loss():
    assert metrics.cross_entropy(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


def test_the_rows_of_the_confusion_matrix_are_true_classes():
    labels, probabilities = np.array([0, 0, 1, 2]), np.eye(3)[[0, 1, 1, 1]]
    assert metrics.confusion(labels, probabilities).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    found = metrics.class_metrics(labels, probabilities)
    assert found.recall.tolist() == [0.5, 1.0, 0.0]
    assert found.precision.tolist() == [1.0, pytest.approx(1 / 3), 0.0]
    assert found.images.tolist() == [2, 1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_predictions_that_are_not_finite_have_no_metrics(value):
    """The arg max of nan is class 0: half of two classes would count as right."""
    broken = np.full_like(PROBABILITIES, value)
    with pytest.raises(TrainingError, match="values that are not finite for the test set"):
        run_metrics(OUTCOME, LABELS, broken, "test", Resources(100.0))


def test_a_metric_of_the_history_must_be_finite_too():
    rows = [{**ROWS[0], "val_loss": np.inf}]
    outcome = Outcome(pd.DataFrame(rows), best_epoch=1, seconds=1.0, parameters=42)
    with pytest.raises(TrainingError, match="a validation_loss that is not finite"):
        run_metrics(outcome, LABELS, PROBABILITIES, "test", Resources(100.0))
