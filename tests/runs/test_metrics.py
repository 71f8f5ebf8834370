"""Figures against Keras' own."""

import keras
import numpy as np
import pytest

from kerasclf.runs import metrics


@pytest.fixture
def predicted():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 200)
    scores = rng.normal(size=(200, 4)) + 1.5 * np.eye(4)[labels]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, probabilities.astype(np.float32)


def test_they_equal_kerass(predicted):
    labels, probabilities = predicted
    loss = keras.losses.SparseCategoricalCrossentropy()(labels, probabilities)
    assert metrics.cross_entropy(*predicted) == pytest.approx(float(loss), rel=1e-5)
    accuracy = keras.metrics.SparseCategoricalAccuracy()
    accuracy.update_state(labels, probabilities)
    assert metrics.accuracy(*predicted) == pytest.approx(float(accuracy.result()))
    f1 = keras.metrics.F1Score(average="macro")
    f1.update_state(np.eye(4, dtype=np.float32)[labels], probabilities)
    assert metrics.macro_f1(*predicted) == pytest.approx(float(f1.result()), rel=1e-5)


def test_top_accuracy_equals_kerass(predicted):
    keras_figure = keras.metrics.SparseTopKCategoricalAccuracy(k=2)
    keras_figure.update_state(*predicted)
    assert metrics.top_accuracy(*predicted, 2) == pytest.approx(float(keras_figure.result()))
    assert metrics.accuracy(*predicted) < metrics.top_accuracy(*predicted, 2) < 1
    assert metrics.top_accuracy(*predicted, 1) == metrics.accuracy(*predicted)


def test_being_sure_of_one_class_is_no_guess_at_the_others():
    labels, sure_of_the_last = np.array([0, 3, 4, 11]), np.eye(12)[[11] * 4]
    assert metrics.top_accuracy(labels, sure_of_the_last, 5) == 0.75  # the last, then the first four in order


@pytest.mark.parametrize(("classes", "told"), [(10, False), (11, True)])
def test_five_guesses_are_counted_among_more_than_ten_classes(classes, told):
    figures = metrics.metrics_of(np.array([0, 5]), np.full((2, classes), 1 / classes))
    assert ("test_top5_accuracy" in figures) == told
    assert figures.get("test_top5_accuracy", 0.5) == 0.5


def test_a_sure_mistake_costs_a_finite_loss():
    assert metrics.cross_entropy(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


def test_confusion_counts_rows_by_truth():
    labels, probabilities = np.array([0, 0, 1, 2]), np.eye(3)[[0, 1, 1, 1]]
    assert metrics.confusion(labels, probabilities).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    figures = metrics.class_metrics(labels, probabilities)
    assert figures.recall.tolist() == [0.5, 1.0, 0.0]
    assert figures.precision.tolist() == [1.0, pytest.approx(1 / 3), 0.0]
    assert figures.images.tolist() == [2, 1, 1]
