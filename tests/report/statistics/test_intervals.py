"""The correction for several comparisons, Wilson's interval and the bias of a choice."""

import math

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from kerasclf.report.statistics import intervals as statistics


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9], [0.001], [0.02, 0.02, 0.02]])
def test_holm_is_that_of_statsmodels(p_values):
    assert statistics.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_ignores_unknown_p_values():
    found = statistics.holm([0.01, math.nan, 0.04])
    assert found[0] == pytest.approx(0.02)
    assert math.isnan(found[1])


def test_wilson_interval():
    found = statistics.accuracy_interval(np.arange(100) < 90)
    assert found[:3] == pytest.approx((0.9, 0.8256343, 0.9447709), abs=1e-6)  # Newcombe's formula, by hand


def test_the_interval_of_a_balanced_accuracy_combines_those_of_wilson():
    """By square and add: (½ · √(0.0743657² + 0.6576198²), ½ · √(0.0447709² + 0²)) for 90 of 100 and 2 of 2."""
    one = statistics.balanced_interval(np.array([100]), np.array([0.9]))
    assert one[:3] == pytest.approx((0.9, 0.8256343, 0.9447709), abs=1e-6)
    both = statistics.balanced_interval(np.array([100, 2]), np.array([0.9, 1.0]))
    assert both[:3] == pytest.approx((0.95, 0.95 - 0.3309056, 0.95 + 0.0223855), abs=1e-6)


def test_selection_on_the_reported_images_is_biased():
    """Of twenty equal candidates, the best on half of 400 images is about two standard deviations too good there."""
    rng = np.random.default_rng(0)
    equal = rng.random((20, 400)) < 0.6
    assert 0.03 < statistics.selection_bias(equal, draws=300) < 0.12
    clear = np.stack([rng.random(400) < 0.9, rng.random(400) < 0.5])
    assert abs(statistics.selection_bias(clear, draws=300)) < 0.01
