"""The comparison of two models on the same images."""

import numpy as np
import pytest
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar

from kerasclf.inference.export.parity import Limits, accuracy_difference, compare


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


def pair(images, lost):
    """The comparison of a model that is always right with one that is wrong on `lost` images."""
    first = np.tile([0.6, 0.4], (images, 1))
    second = first.copy()
    second[:lost] = [0.4, 0.6]
    return compare(np.zeros(images, np.int64), first, second)


@pytest.mark.parametrize(
    ("images", "lost", "text"),
    [
        (600, 6, None),  # 1 point, p = 0.031
        (600, 7, "the accuracy is 1.17 points lower (McNemar's test p = 0.016), and 1 are accepted"),
        (100, 5, None),  # 5 points, p = 0.0625
        (100, 6, "the accuracy is 6.00 points lower (McNemar's test p = 0.031), and 1 are accepted"),
    ],
)
def test_a_loss_of_accuracy_counts_if_it_is_significant_and_beyond_the_limit(images, lost, text):
    expected = [("accuracy", text)] if text else []
    assert Limits(accuracy=0.01).exceeded(pair(images, lost)) == expected


def test_a_gain_of_accuracy_never_counts():
    first, second = np.tile([0.4, 0.6], (100, 1)), np.tile([0.6, 0.4], (100, 1))
    assert Limits(accuracy=0.01).exceeded(compare(np.zeros(100, np.int64), first, second)) == []


@pytest.mark.parametrize(
    ("images", "changed", "p", "text"),
    [
        (100, 15, 0.0726, None),
        (100, 16, 0.0399, "16 of 100 images have another class, and 10% are accepted"),
        (6, 2, 0.1143, None),
        (6, 3, 0.0159, "3 of 6 images have another class, and 10% are accepted"),
        (3000, 327, 0.0548, None),
        (3000, 328, 0.0485, "328 of 3,000 images have another class, and 10% are accepted"),
    ],
)
def test_changed_classes_count_if_they_are_significantly_more_than_the_limit(images, changed, p, text):
    assert binom.sf(changed - 1, images, 0.1) == pytest.approx(p, abs=5e-5)
    expected = [("changed", text)] if text else []
    assert Limits(changed=0.1).exceeded(pair(images, changed)) == expected


@pytest.mark.parametrize(("limit", "expected"), [(0.2, []), (0.19, ["probability"])])
def test_the_largest_difference_counts_beyond_its_limit(limit, expected):
    parity = compare(np.array([0]), np.array([[0.75, 0.25]]), np.array([[0.55, 0.45]]))
    assert [name for name, _ in Limits(probability=limit + 1e-12).exceeded(parity)] == expected


def test_without_limits_only_values_that_are_not_finite_count():
    first, second = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    assert Limits().exceeded(compare(np.array([0]), first, second)) == []
    (found,) = Limits().exceeded(compare(np.array([0]), first, second * np.nan))
    assert found == ("probability", "a probability differs by inf, and 1 is accepted")
