"""Conformal prediction sets: exact thresholds, trivial sets, and coverage."""

import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.inference.calibration.conformal import conformal_sets, fewest_images
from tests.inference.simulated import overconfident


def test_the_threshold_is_the_order_statistic_of_the_method():
    of_true = np.arange(99, 0, -1) / 100
    probabilities = np.stack([of_true, 1 - of_true], axis=1)
    found = conformal_sets(np.zeros(99, int), probabilities)
    # ⌈(99 + 1) · 0.95⌉ = 95: the 95th highest of 0.99, 0.98, …
    assert found.least.tolist() == [0.05, 0.05]
    assert found.problem is None
    np.testing.assert_array_equal(
        found.sets(np.array([[0.97, 0.03], [0.5, 0.5], [0.04, 0.96]])), [[True, False], [True, True], [False, True]]
    )


def test_a_set_is_never_empty():
    found = conformal_sets(np.zeros(20, int), np.tile([0.9, 0.05, 0.05], (20, 1)))
    np.testing.assert_array_equal(found.sets(np.array([[0.2, 0.5, 0.3]])), [[False, True, False]])


def test_a_network_that_is_always_wrong_has_large_sets():
    found = conformal_sets(np.ones(20, int), np.tile([0.8, 0.05, 0.15], (20, 1)))
    assert found.least.tolist() == [0.05] * 3
    assert found.sets(np.array([[0.7, 0.15, 0.15], [0.96, 0.02, 0.02]])).sum(axis=1).tolist() == [3, 1]


@pytest.mark.parametrize(("coverage", "images"), [(0.95, 19), (0.9, 9), (0.99, 99), (0.5, 1)])
def test_sets_are_trivial_below_the_fewest_images(coverage, images):
    assert fewest_images(coverage) == images
    p = np.tile([0.9, 0.1], (images, 1))
    enough = conformal_sets(np.zeros(images, int), p, coverage)
    assert enough.problem is None
    assert enough.least[0] == 0.9
    few = conformal_sets(np.zeros(images - 1, int), p[1:], coverage)
    assert few.sets(np.array([[1.0, 0.0]])).all()
    assert f"at least {images} are needed" in few.problem


def test_three_images_promise_nothing():
    found = conformal_sets(np.array([0, 1, 2]), np.eye(3))
    assert found.problem == (
        "3 validation images cannot promise a coverage of 0.95 with fewer than all classes in each set: at least 19 "
        "are needed."
    )


def test_a_missing_class_is_in_every_set_of_the_option_by_class():
    labels = np.zeros(30, int)
    found = conformal_sets(labels, np.tile([0.8, 0.2], (30, 1)), by_class=True)
    assert found.least.tolist() == [0.8, 0.0]
    assert found.problem == (
        "Of 2 classes, 1 is in every set: a coverage of 0.95 by class needs at least 19 validation images of each."
    )
    assert found.sets(np.array([[0.9, 0.1], [0.1, 0.9]])).tolist() == [[True, True], [False, True]]


@pytest.mark.parametrize("coverage", [0, 1, 95])
def test_a_coverage_that_is_no_share_is_refused(coverage):
    with pytest.raises(KerasclfError, match=f"coverage: expected a share between 0 and 1. Received: {coverage}"):
        conformal_sets(np.array([0]), np.array([[0.9, 0.1]]), coverage)


@pytest.mark.slow
@pytest.mark.parametrize("by_class", [False, True])
def test_sets_cover_95_percent_over_random_splits(by_class):
    labels, probabilities = overconfident(20_000, temperature=1.6, seed=0)
    covered, of_classes = [], []
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(20_000)
        validation, test = order[:1000], order[1000:]
        rule = conformal_sets(labels[validation], probabilities[validation], by_class=by_class)
        right = rule.sets(probabilities[test])[np.arange(len(test)), labels[test]]
        covered.append(right.mean())
        of_classes.append([right[labels[test] == label].mean() for label in range(10)])
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)
    if by_class:
        np.testing.assert_allclose(np.mean(of_classes, axis=0), 0.95, atol=0.02)
