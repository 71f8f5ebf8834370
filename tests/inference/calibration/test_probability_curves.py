"""Curves over all thresholds: values by hand and scikit-learn's areas."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from kerasclf.inference.calibration.probability_curves import accuracy_by_coverage, class_curves
from tests.inference.simulated import overconfident


def test_equal_confidences_are_one_point():
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.6, 0.4], [0.55, 0.45]])
    found = accuracy_by_coverage(np.array([0, 0, 1, 1]), p)
    assert found.coverage.tolist() == [0.25, 0.75, 1.0]
    np.testing.assert_allclose(found.accuracy, [1, 2 / 3, 0.5])


def test_many_images_have_few_points_that_end_with_all_images():
    labels, probabilities = overconfident(3000, 1.0, seed=0)
    found = accuracy_by_coverage(labels, probabilities)
    assert len(found.coverage) == 200
    assert found.coverage[-1] == 1
    assert found.accuracy[-1] == (probabilities.argmax(axis=1) == labels).mean()


def test_the_areas_are_those_of_scikit_learn():
    labels, probabilities = overconfident(500, 1.3, seed=1, classes=4)
    found = class_curves(labels, probabilities)
    is_true = np.eye(4, dtype=int)[labels]
    for position, average in enumerate(("macro", "micro")):
        assert found.auc[position] == pytest.approx(roc_auc_score(is_true, probabilities, average=average))
        expected = average_precision_score(is_true, probabilities, average=average)
        assert found.average_precision[position] == pytest.approx(expected)
    assert found.skipped == 0
    assert found.roc_macro[-1] == found.roc_micro[-1] == found.precision_macro[0] == 1
    assert np.trapezoid(found.roc_micro, found.points) == pytest.approx(found.auc[1], abs=0.01)
    assert np.trapezoid(found.precision_micro, found.points) == pytest.approx(found.average_precision[1], abs=0.02)


def test_a_class_without_images_is_left_out():
    p = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    found = class_curves(np.array([0, 1, 0]), p)
    assert found.skipped == 1
    assert found.auc[0] == 1


def test_images_of_one_class_have_no_curves():
    assert class_curves(np.zeros(3, int), np.tile([0.7, 0.3], (3, 1))) is None
