"""Comparisons of experiments, as numbers and sentences."""

import math

import numpy as np
import pytest

from kerasclf.report import read_results
from kerasclf.report.comparisons import Comparison, compare_contrasts, corrected, size_interval
from kerasclf.report.intervals import accuracy_of, selection_bias_of
from kerasclf.report.random_effects import difference_of
from kerasclf.report.statistics import Interval
from tests.report.run_folders import with_correct


def test_single_runs_are_compared_as_networks(folder):
    (comparison,) = compare_contrasts(with_correct(folder, first={0: 10}, second={0: 25}))
    assert comparison.difference.value == pytest.approx(0.5)
    # 15 of 30 images gained, none lost: standard error 0.5·√(30/29)/√30.
    assert comparison.difference.half_width == pytest.approx(1.959964 * 0.5 / np.sqrt(29))
    assert comparison.verdict == "none"
    assert comparison.sentence == (
        "On these 30 images this network of second does better than this one of first by 50.0 points (31.8 to 68.2). "
        "One run each says nothing of other seeds."
    )


def test_experiments_need_no_shared_seed(folder):
    (comparison,) = compare_contrasts(with_correct(folder, first={0: 10}, second={1: 25}))
    assert comparison.difference.value == pytest.approx(0.5)


def test_a_single_run_borrows_the_seeds_of_the_other_experiment(folder):
    results = with_correct(folder, first={0: 9, 1: 10}, second={0: 21})
    (comparison,) = compare_contrasts(results)
    assert comparison.basis == "borrowed"
    assert comparison.runs == (1, 2)
    assert "over seeds and test images, 1 and 2 runs, seeds as in the other experiments" in comparison.basis_text


def test_repeated_runs_are_compared_over_seeds_and_images(folder):
    results = with_correct(folder, first={0: 9, 1: 10}, second={0: 21, 1: 22})
    (comparison,) = compare_contrasts(results)
    expected = difference_of(results.samples["second"], results.samples["first"])
    assert comparison.difference == expected
    assert comparison.p_holm == expected.p  # the only comparison
    assert comparison.these_images.half_width > 0
    assert accuracy_of(results, results.experiments[0]).value == pytest.approx(9.5 / 30)


def test_experiments_on_other_test_images_are_not_compared(folder):
    results = read_results(folder.path)
    for run in results.experiments[1].runs:
        object.__setattr__(run, "test_images", "others")
    (comparison,) = compare_contrasts(results)
    assert comparison.sentence == "second and first cannot be compared: their test images differ."
    assert comparison.verdict == "none"
    assert selection_bias_of(results) is None


def comparison(value, half, p, equal_p=1.0, **fields):
    difference = Interval(value, value - half, value + half, p)
    given = {"runs": (3, 3), "images": 2500, "basis": "repeated", "detectable": 0.045, "limit": 0.016, **fields}
    return Comparison("a", "b", difference=difference, these_images=difference, p_holm=p, equal_p=equal_p, **given)


@pytest.mark.parametrize(
    ("one", "verdict", "sentence"),
    [
        (
            comparison(0.038, 0.026, 0.01),
            "better",
            "a is better than b by 3.8 points (95 % interval 1.2 to 6.4, over seeds and test images, 3 runs each).",
        ),
        (
            comparison(-0.081, 0.012, 0.01, runs=(3, 5)),
            "worse",
            "a is worse than b by 8.1 points (95 % interval 6.9 to 9.3, over seeds and test images, 3 and 5 runs).",
        ),
        (
            comparison(0.016, 0.03, 0.3),
            "open",
            "a and b cannot be told apart: +1.6 points (−1.4 to +4.6). This study would find 4.5 points or more in "
            "four of five cases; below 1.6, more test images are needed, not more runs.",
        ),
        (
            comparison(0.016, 0.01, 0.06, limit=0.0),
            "open",
            "a and b cannot be told apart after correction for several comparisons: +1.6 points (+0.6 to +2.6). This "
            "study would find 4.5 points or more in four of five cases; more runs lower this.",
        ),
        (comparison(0.002, 0.01, 0.7, equal_p=0.02), "equal", "a and b differ by less than 2 points (p = 0.02)."),
        (
            comparison(0.049, 0.02, 0.001, basis="networks", runs=(1, 1)),
            "none",
            "On these 2,500 images this network of a does better than this one of b by 4.9 points (2.9 to 6.9). One "
            "run each says nothing of other seeds.",
        ),
        (
            comparison(-0.01, 0.02, 0.4, basis="networks", runs=(1, 1)),
            "none",
            "On these 2,500 images this network of a and this one of b cannot be told apart: −1.0 points (−3.0 to "
            "+1.0). One run each says nothing of other seeds.",
        ),
        (
            comparison(0.1, math.nan, math.nan, basis="seeds", metric="validation_accuracy"),
            "none",
            "One run each is not enough to compare the validation accuracy of a and b.",
        ),
    ],
)
def test_sentences(one, verdict, sentence):
    assert one.verdict == verdict
    assert one.sentence == sentence


def test_all_verdicts_of_a_study_are_one_family():
    three = [comparison(0.05, 0.02, p) for p in (0.01, 0.02, 0.03)]
    assert [c.p_holm for c in corrected(three)] == pytest.approx([0.03, 0.04, 0.04])
    assert [c.p_holm for c in corrected(three, strictness=2)] == pytest.approx([0.06, 0.08, 0.08])


def test_the_interval_of_a_size_has_no_sign():
    assert size_interval(Interval(0.08, 0.07, 0.09)) == size_interval(Interval(-0.08, -0.09, -0.07))
    assert size_interval(Interval(-0.08, -0.09, 0.01)) == "95 % interval −1.0 to 9.0"


def test_the_selection_bias_needs_two_experiments_and_a_shared_seed(folder):
    assert selection_bias_of(with_correct(folder, first={0: 10}, second={0: 25})) < 0.2
    assert selection_bias_of(with_correct(folder, first={0: 10}, second={1: 25})) is None
