"""The difference between accuracies on different images."""

import numpy as np
import pytest

from kerasclf.report.statistics.unpaired import interval_ends, unpaired_difference


def flags(right, images):
    return np.arange(images) < right


@pytest.mark.parametrize(
    ("one", "other", "ends"),
    [  # Newcombe 1998, table II, method 10
        ((56, 70), (48, 80), (0.0524, 0.3339)),
        ((9, 10), (3, 10), (0.1705, 0.8090)),
        ((5, 56), (0, 29), (-0.0381, 0.1926)),
        ((0, 10), (0, 20), (-0.1611, 0.2775)),
        ((10, 10), (0, 20), (0.6791, 1.0)),
    ],
)
def test_it_is_the_interval_of_newcombe(one, other, ends):
    found = unpaired_difference(flags(*one), flags(*other))
    assert found.value == pytest.approx(one[0] / one[1] - other[0] / other[1])
    assert found[1:3] == pytest.approx(ends, abs=1e-4)


@pytest.mark.parametrize(("one", "other"), [((56, 70), (48, 80)), ((5, 56), (0, 29)), ((30, 40), (31, 40))])
def test_the_p_value_agrees_with_the_interval(one, other):
    found, turned = (unpaired_difference(flags(*a), flags(*b)) for a, b in ((one, other), (other, one)))
    assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
    assert turned.p == pytest.approx(found.p)
    assert turned[1:3] == pytest.approx((-found.high, -found.low))


def test_equal_accuracies_have_a_p_value_of_1_and_extreme_ones_a_tiny_one():
    assert unpaired_difference(flags(5, 10), flags(50, 100)).p == 1
    assert unpaired_difference(flags(1000, 1000), flags(0, 1000)).p < 1e-9


def test_it_covers_the_true_difference():
    rng, covered = np.random.default_rng(0), 0
    for _ in range(400):
        low, high = interval_ends(rng.random(100) < 0.9, rng.random(300) < 0.8)  # without the p-value, which takes time
        covered += low <= 0.1 <= high
    assert 0.93 <= covered / 400 <= 0.98
