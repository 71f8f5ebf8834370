"""Figures against Keras' own."""

import keras
import numpy as np
import pytest

from kerasclf.studies import metrics


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


def test_a_sure_mistake_costs_a_finite_loss():
    assert metrics.cross_entropy(np.array([0]), np.array([[0.0, 1.0]])) == pytest.approx(-np.log(1e-7))


def test_confusion_counts_rows_by_truth():
    labels, probabilities = np.array([0, 0, 1, 2]), np.eye(3)[[0, 1, 1, 1]]
    assert metrics.confusion(labels, probabilities).tolist() == [[1, 1, 0], [0, 1, 0], [0, 1, 0]]
    figures = metrics.class_figures(labels, probabilities)
    assert figures.recall.tolist() == [0.5, 1.0, 0.0]
    assert figures.precision.tolist() == [1.0, pytest.approx(1 / 3), 0.0]
    assert figures.images.tolist() == [2, 1, 1]
