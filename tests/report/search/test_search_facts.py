"""The facts in the report of a search, as text."""

from kerasclf.report.comparisons import Comparison
from kerasclf.report.search.search_facts import Gain, gain_warning
from kerasclf.report.statistics.intervals import Interval


def gain(value, half, p, basis="repeated"):
    difference = Interval(value, value - half, value + half, p)
    comparison = Comparison("best", "base", (3, 3), 500, basis, difference, difference, 0.06, 0.02, p_holm=p)
    return Gain(None, comparison, 1)


def test_a_gain_that_is_not_significant_gets_a_warning():
    assert gain_warning(gain(0.01, 0.03, 0.3)) == (
        "The gain on the test set is not statistically significant: +1.0 points (−2.0 to +4.0) compared "
        "with the base experiment. These runs do not show that the new settings are better. This study would find 6.0 "
        "points or more in four of five cases; below 2.0, more test images are needed, not more runs."
    )
    assert gain_warning(gain(0.05, 0.01, 0.001, basis="networks")).endswith("One run each says nothing of other seeds.")


def test_a_significant_gain_gets_none():
    assert gain_warning(gain(0.05, 0.01, 0.001)) == ""
    assert gain_warning(None) == ""
