"""Comparisons of experiments, as numbers and sentences."""

import math

import numpy as np
import pytest

from benchmarks.intervals import easiness, verdicts
from kerasclf.report import read_results
from kerasclf.report.comparisons import Comparison, compare_contrasts, compare_samples, corrected
from kerasclf.report.difference_text import p_text, points_and_ends, signed, size_interval
from kerasclf.report.experiment_intervals import accuracy_of, interval_of, selection_bias_of
from kerasclf.report.statistics.intervals import Interval, accuracy_interval, balanced_interval
from kerasclf.report.statistics.random_effects import difference_of, summarise_scores
from tests.report.run_folders import in_groups, with_correct


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


def test_the_interval_of_a_single_run_is_over_groups(folder):
    results = with_correct(folder, first={0: 21}, second={0: 27})  # of 30 images, the first ones
    tens = in_groups(results, np.arange(30) // 3)
    first, second = tens.experiments
    assert accuracy_of(tens, first) == pytest.approx(accuracy_interval(np.arange(10) < 7), nan_ok=True)
    alone = in_groups(results, np.arange(30))
    assert accuracy_of(alone, first) == pytest.approx(accuracy_of(results, first), nan_ok=True)
    # The images of a class are in ten groups of one image, or each class is in groups of its own.
    labels = first.runs[0].labels
    assert np.bincount(labels).tolist() == [10, 10, 10]
    by_class = in_groups(results, 2 * labels + (np.arange(30) >= 15))
    of_pairs = interval_of(by_class, by_class.experiments[0], "test_balanced_accuracy")
    of_images = balanced_interval(np.full(3, 10), np.full(3, 0.7))
    assert of_pairs.value == pytest.approx(of_images.value)
    assert of_pairs.half_width > 1.5 * of_images.half_width
    assert interval_of(tens, second, "test_balanced_accuracy").half_width > 1.2 * interval_of(
        results, results.experiments[1], "test_balanced_accuracy").half_width  # fmt: skip


def test_networks_are_compared_over_groups(folder):
    results = with_correct(folder, first={0: 21}, second={0: 27})
    (over_images,), (over_groups,) = (
        compare_contrasts(one) for one in (results, in_groups(results, np.arange(30) // 3))
    )
    assert over_groups.difference.half_width == pytest.approx(2.262157 * 0.4 / 3)  # Student's t, 2 of 10 groups
    assert over_groups.sentence.startswith("On these 30 images this network of second and this one of first cannot be")
    assert over_images.sentence.startswith("On these 30 images this network of second does better than this one")


def test_groups_stay_in_one_half_for_the_bias_of_a_choice(folder):
    """Images of a group are alike: the best experiment on one half would otherwise be the best on the other, too."""
    results = with_correct(folder, first={0: 18}, second={0: 21})
    assert selection_bias_of(in_groups(results, np.arange(30) // 3)) > selection_bias_of(results)
    assert selection_bias_of(in_groups(results, np.arange(30))) == pytest.approx(selection_bias_of(results))


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


@pytest.mark.parametrize(
    ("difference", "text"),
    [
        (Interval(0.016, -0.014, 0.046), "+1.6 points (−1.4 to +4.6)"),
        (Interval(-0.0001, -0.03, 0.03), "0.0 points (−3.0 to +3.0)"),
        (Interval(0.015, -0.0003, 0.0303), "+1.50 points (−0.03 to +3.03)"),
        (Interval(0.0001, -0.00004, 0.00024), "+0.010 points (−0.004 to +0.024)"),
        (Interval(0.1, np.nan, np.nan), "+10.0 points"),
    ],
)
def test_rounding_moves_no_end_of_an_interval_to_zero(difference, text):
    assert points_and_ends(difference) == text


def test_a_significant_difference_is_never_one_of_zero():
    one = comparison(0.0004, 0.0001, 0.001)
    assert one.sentence.startswith("a is better than b by 0.04 points (95 % interval 0.03 to 0.05, ")
    assert size_interval(Interval(0.015, 0.0003, 0.0297)) == "95 % interval 0.03 to 2.97"
    assert [signed(-0.04), signed(0.04), signed(-0.06)] == ["0.0", "0.0", "−0.1"]


def test_rounding_moves_no_p_value_across_five_percent():
    assert [p_text(p) for p in (1e-9, 0.0012, 0.0496, 0.05, 0.2894, 1)] == [
        "<0.001", "0.0012", "0.049", "0.05", "0.29", "1",
    ]  # fmt: skip


@pytest.mark.parametrize(("images", "verdict"), [(1, "open"), (5, "open"), (6, "better")])
def test_a_few_images_decide_nothing_even_if_all_runs_agree(images, verdict):
    right, wrong = (summarise_scores(np.full((3, images), share)) for share in (1.0, 0.0))
    (compared,) = corrected([compare_samples(("a", "b"), (3, 3), (right, wrong))])
    assert compared.verdict == verdict
    assert (compared.difference.low > 0) == compared.significant
    assert compared.difference.high == 1


def test_experiments_of_other_classes_are_not_compared(folder):
    results = read_results(folder.path)
    for run in results.experiments[1].runs:
        run.description["class_names"] = ["x", "y", "z"]
    (compared,) = compare_contrasts(results)
    assert compared.sentence == "second and first cannot be compared: their classes differ."


def test_the_selection_bias_needs_two_experiments_and_a_shared_seed(folder):
    assert selection_bias_of(with_correct(folder, first={0: 10}, second={0: 25})) < 0.2
    assert selection_bias_of(with_correct(folder, first={0: 10}, second={1: 25})) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed_points", [0.2, 2])
@pytest.mark.parametrize(("runs", "images"), [(3, 500), (3, 2500), (5, 500), (5, 2500)])
def test_a_study_of_equal_experiments_seldom_finds_a_difference(runs, images, seed_points):
    rng, studies, false = np.random.default_rng(0), 1000, 0
    for _ in range(studies):
        easy = easiness(rng, images)
        base, *others = (summarise_scores(verdicts(rng, runs, easy, seed_points)) for _ in range(8))
        # Seven contrasts with one base: their errors are correlated, as in a real study.
        compared = [compare_samples(("a", "b"), (runs, runs), (other, base)) for other in others]
        false += any(one.significant for one in corrected(compared))
    # 1,000 studies show a share of 5 % to within 1.4 points.
    assert false / studies < 0.05 + 0.014


@pytest.mark.slow
def test_the_final_comparison_of_a_search_is_unbiased():
    rng, searches, runs = np.random.default_rng(0), 1000, 3
    differences, reused, better = [], [], 0
    for _ in range(searches):
        # All settings are equal. The trial that is best on 500 validation images owes this to its seed and to chance.
        easy = easiness(rng, 1500)
        trials = verdicts(rng, 30, easy, 2)
        winner = trials[trials[:, :500].mean(axis=1).argmax(), 500:]
        best, base = (summarise_scores(verdicts(rng, runs, easy[500:], 2)) for _ in range(2))
        (compared,) = corrected([compare_samples(("best", "base"), (runs, runs), (best, base))])
        differences.append(compared.difference.value)
        reused.append(winner.mean() - base.mean)
        better += compared.verdict == "better"
    assert abs(np.mean(differences)) < 2.6 * np.std(differences) / np.sqrt(searches)
    assert better / searches < 0.05
    # The seed of the trial would bring its luck along: hence the final runs take new ones.
    assert np.mean(reused) > 0.02
