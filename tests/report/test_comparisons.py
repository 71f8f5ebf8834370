"""Comparisons of experiments, as numbers and sentences."""

import math
import re

import pytest

from kerasclf.report.comparisons import (
    Comparison,
    against_base,
    between_neighbours,
    legend,
    selection_bias_of,
    size_interval,
)
from kerasclf.report.statistics import MAX_REPEATS, Interval
from tests.report.run_folders import with_correct


def test_single_runs_are_compared_on_the_test_images(folder):
    (comparison,) = between_neighbours(with_correct(folder, first={0: 10}, second={0: 25}))
    assert comparison.difference.value == pytest.approx(0.5)
    assert comparison.difference.p == pytest.approx(2 * 0.5**15)  # 15 gained, none lost
    assert comparison.significant
    assert re.fullmatch(
        r"second is better than first by 50\.0 points \(95 % interval 3\d\.\d to 6\d\.\d, one run each, same test "
        r"images\)\.",
        comparison.sentence,
    )


def test_experiments_without_a_shared_seed_are_not_compared(folder):
    (comparison,) = against_base(with_correct(folder, first={0: 10}, second={1: 25}))
    assert not comparison.significant
    assert comparison.sentence == "second and first cannot be compared: they share no seed."


def test_a_clear_difference_is_significant(folder):
    clear = with_correct(folder, first={0: 9, 1: 10}, second={0: 21, 1: 22})
    (comparison,) = between_neighbours(clear)
    assert comparison.sentence == (
        "second is better than first by 40.0 points (95 % interval 40.0 to 40.0, 2 runs each)."
    )
    assert against_base(clear)[0].p_holm == 0


def comparison(value, half, p, needed=12, repeats=3, metric="test_accuracy"):
    return Comparison("a", "b", repeats, Interval(value, value - half, value + half, p), p, needed, metric)


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (comparison(-0.081, 0.012, 0.01), "a is worse than b by 8.1 points (95 % interval 6.9 to 9.3, 3 runs each)."),
        (
            comparison(0.016, 0.03, 0.3),
            "a and b are not significantly different: +1.6 points (95 % interval −1.4 to +4.6, 3 runs each). "
            "About 12 repeats would be needed to show this difference.",
        ),
        (
            comparison(0.016, 0.01, 0.06, needed=2),
            "a and b are not significantly different after correction for multiple comparisons: "
            "+1.6 points (95 % interval +0.6 to +2.6, 3 runs each). "
            "About 4 repeats would be needed to show this difference.",
        ),
        (
            comparison(0.001, 0.03, 0.9, needed=MAX_REPEATS + 1),
            "a and b are not significantly different: +0.1 points (95 % interval −2.9 to +3.1, 3 runs each). "
            "More than 1,000 repeats would be needed to show this difference.",
        ),
        (
            comparison(0.001, 0.03, 0.9, needed=None, repeats=1),
            "a and b are not significantly different: +0.1 points (95 % interval −2.9 to +3.1, one run each, same test "
            "images). Repeats with other seeds would give a clearer answer.",
        ),
        (
            comparison(0.1, math.nan, math.nan, needed=None, repeats=1, metric="validation_accuracy"),
            "One run each is not enough to compare the validation accuracy of a and b.",
        ),
    ],
)
def test_sentences(one, sentence):
    assert one.sentence == sentence


def test_the_interval_of_a_size_has_no_sign():
    assert size_interval(Interval(0.08, 0.07, 0.09)) == size_interval(Interval(-0.08, -0.09, -0.07))
    assert size_interval(Interval(-0.08, -0.09, 0.01)) == "95 % interval −1.0 to 9.0"


def test_the_repeats_needed_fit_into_a_table():
    shown = [comparison(0.01, 0.1, 0.5, needed=needed).needed_text for needed in (None, 12, MAX_REPEATS + 1)]
    assert shown == ["–", "12", "over 1,000"]


def test_the_legend_names_the_test():
    assert "paired t-test" in legend(3)
    assert "McNemar" in legend(1)


def test_the_selection_bias_needs_two_experiments_and_a_shared_seed(folder):
    assert selection_bias_of(with_correct(folder, first={0: 10}, second={0: 25})) < 0.2
    assert selection_bias_of(with_correct(folder, first={0: 10}, second={1: 25})) is None
