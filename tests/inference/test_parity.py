"""The comparison of two models on the same images."""

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar

from kerasclf.inference.parity import accuracy_difference, compare


@pytest.mark.parametrize(("lost", "gained"), [(0, 0), (1, 0), (3, 9), (40, 12)])
def test_the_p_value_is_that_of_statsmodels(lost, gained):
    both = 100
    first = np.repeat([True, True, False, False], [both, lost, gained, 10])
    second = np.repeat([True, False, True, False], [both, lost, gained, 10])
    found = accuracy_difference(first, second)
    assert found.value == pytest.approx((gained - lost) / len(first))
    assert found.p == pytest.approx(mcnemar([[both, lost], [gained, 10]], exact=True).pvalue)
    assert found.low < found.value < found.high


def test_the_interval_is_that_of_agresti_and_min():
    """Cells of 3 and 9 in 122 images: (9.5 - 3.5) / 124 ± 1.96 sqrt(13 - 36 / 124) / 124."""
    first = np.repeat([True, True, False, False], [100, 3, 9, 10])
    second = np.repeat([True, False, True, False], [100, 3, 9, 10])
    found = accuracy_difference(first, second)
    assert (found.low, found.high) == pytest.approx((-0.007963, 0.104737), abs=1e-6)


def test_the_interval_covers_the_difference_in_95_percent_of_all_samples():
    rng = np.random.default_rng(0)
    cells = rng.multinomial(200, [0.75, 0.04, 0.08, 0.13], 1000)
    covered = []
    for both, lost, gained, none in cells:
        first = np.repeat([True, True, False, False], [both, lost, gained, none])
        second = np.repeat([True, False, True, False], [both, lost, gained, none])
        found = accuracy_difference(first, second)
        covered.append(found.low <= 0.04 <= found.high)
    assert 0.93 < np.mean(covered) < 0.98


def test_differences_and_changed_classes_are_counted():
    first = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.1, 0.8]])
    second = np.array([[0.7, 0.2, 0.1], [0.3, 0.45, 0.25], [0.15, 0.05, 0.8]])
    found = compare(np.array([0, 0, 1]), first, second)
    assert (found.images, found.changed, found.largest) == (3, 1, pytest.approx(0.1))
    assert (found.accuracy, found.exported_accuracy) == (pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found.difference.value == pytest.approx(-1 / 3)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_infinitely_far_away(value):
    first = np.array([[0.5, 0.5], [0.5, 0.5]])
    assert compare(np.array([0, 0]), first, np.array([[0.5, 0.5], [value, 0.5]])).largest == np.inf
