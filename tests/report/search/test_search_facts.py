"""The facts in the report of a search, as text."""

import math

from kerasclf.report.comparisons import Comparison
from kerasclf.report.search.search_facts import Gain, gain_warning
from kerasclf.report.statistics import Interval


def gain(value, half, p, needed=12, repeats=3):
    interval = Interval(value, value - half, value + half, p)
    return Gain(None, Comparison("best", "base", repeats, interval, p, needed), 1)


def test_a_gain_that_is_not_significant_gets_a_warning():
    assert gain_warning(gain(0.01, 0.03, 0.3)) == (
        "The gain on the test set is not statistically significant: +1.0 points (95 % interval −2.0 to +4.0) compared "
        "with the base experiment. These runs do not show that the new settings are better. About 12 repeats would be "
        "needed to show this difference."
    )
    assert gain_warning(gain(0.01, math.nan, math.nan, needed=None)).endswith("the new settings are better.")


def test_a_significant_gain_gets_none():
    assert gain_warning(gain(0.05, 0.01, 0.001)) == ""
    assert gain_warning(None) == ""
