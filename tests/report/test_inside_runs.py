"""Comparisons inside a run: exact differences on constructed predictions, and what cannot be concluded."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from kerasclf import Experiment
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.finished_run import Run
from kerasclf.report.inside_runs import compare_best_validation, compare_leaked, contrast_scores
from kerasclf.report.lessons import lessons_of, summary_of
from kerasclf.report.statistics.intervals import Interval
from kerasclf.report.study_results import StudyResults
from kerasclf.studies.study import Lesson

IMAGES = 40
LEAKED = np.arange(IMAGES) < 10
LESSON = Lesson("sound", "It was seen.", "Hash it.", metric="leaked_accuracy", leaks=True)
BEST = Lesson("sound", "It is a maximum.", "Look.", metric="best_validation_accuracy", leaks=True)


def make_run(seed, right, leaked=(), best=0.5, groups=None, **metrics):
    """A run on two classes that is right on the images of a mask; `best` is its highest validation accuracy.

    `groups` are those of the test images, and validation images have groups of as many.
    """
    labels = np.arange(IMAGES) % 2
    predicted = np.where(right, labels, 1 - labels)
    data = {"images": {"train": 100, "validation": 20, "test": IMAGES}}
    if len(leaked):
        data["leaked_test_images"] = np.flatnonzero(leaked).tolist()
    if groups is not None:
        data |= {"test_groups": groups.tolist(), "validation_groups": groups[:20].tolist()}
    history = pd.DataFrame({"val_accuracy": [0.1, best, 0.3]})
    metrics = {"test_accuracy": float(np.mean(right)), "validation_accuracy": best, **metrics}
    return Run(seed, metrics, history, labels, np.eye(2)[predicted], {"data": data}, {}, None, test_images="same")


def first(leaked, others):
    """Right on so many of the leaked images, and on so many of the others."""
    return np.concatenate([np.arange(10) < leaked, np.arange(IMAGES - 10) < others])


def experiment(name, *runs):
    return ExperimentResults(name, Experiment(), runs, None)


@pytest.fixture
def pair():
    """Leaked: 9 and 10 of 10 with the flaw, 6 and 5 without; others: 15 and 18 of 30 with the flaw, 18 and 18."""
    flawed = experiment("copied", make_run(0, first(9, 15), LEAKED), make_run(1, first(10, 18), LEAKED))
    return flawed, experiment("sound", make_run(0, first(6, 18)), make_run(1, first(5, 18)))


def study(lessons, *experiments):
    plain = {"name": "pitfalls", "lessons": {name: lesson.to_dict() for name, lesson in lessons.items()}}
    return StudyResults(plain, experiments)


def test_the_scores_of_two_sets_have_the_difference_as_mean_and_the_sum_of_both_variances():
    one, other = np.array([1.0, 0, 1, 1]), np.array([0.0, 0, 1, 0, 0, 1, 0, 0])
    scores = contrast_scores(one, other)
    assert scores.mean() == pytest.approx(0.75 - 0.25)
    assert np.var(scores) / len(scores) == pytest.approx(np.var(one) / 4 + np.var(other) / 8)


def test_leaked_images_are_corrected_for_their_difficulty(pair):
    found = compare_leaked(*pair, "leaked_accuracy", 0.02)
    # Run 0 gains 3 of 10 leaked images and loses 3 of 30 others; run 1 gains 5 of 10 and nothing.
    assert found.comparison.difference.value == pytest.approx((0.3 + 0.1 + 0.5) / 2)
    assert found.flawed == pytest.approx(0.95)
    assert found.corrected == pytest.approx(0.95 - 0.45)
    assert (found.comparison.runs, found.comparison.images, found.comparison.basis) == ((2, 2), IMAGES, "repeated")
    assert found.comparison.difference.low < 0.45 < found.comparison.difference.high
    assert found.comparison.metric == "leaked_accuracy"


def test_leaked_images_of_a_group_count_once(pair):
    """Each image four times, as a group, says as much as each image once."""
    fours = np.repeat(np.arange(10), 4)
    leaked, gain = np.arange(10) < 4, np.array([1, 0, 1, 1, 0, -1, 0, 0, 1, 0])
    flawed, sound = (
        experiment(name, *(make_run(seed, right[fours], leaked[fours] if name == "copied" else (), groups=fours)
                           for seed in range(2)))
        for name, right in (("copied", gain >= 0), ("sound", gain <= 0))
    )  # fmt: skip
    found = compare_leaked(flawed, sound, "leaked_accuracy", 0.02).comparison
    expected = contrast_scores(gain[leaked] * 1.0, gain[~leaked] * 1.0)
    assert found.difference.value == pytest.approx(expected.mean())
    error = np.std(expected, ddof=1) / np.sqrt(10)
    assert found.difference.value - found.difference.low == pytest.approx(stats.t.ppf(0.975, 9) * error)
    assert found.images == IMAGES
    plain = [replace(e, runs=tuple(without_groups(run) for run in e.runs)) for e in (flawed, sound)]
    over_images = compare_leaked(*plain, "leaked_accuracy", 0.02).comparison.difference
    assert over_images.low > found.difference.low + 0.3


def test_the_best_validation_accuracy_is_compared_over_groups_of_both_sets():
    fours = np.repeat(np.arange(10), 4)
    sound = experiment("sound", *(make_run(seed, fours < 5, best=0.8, groups=fours) for seed in range(2)))
    found = compare_best_validation("best", sound, "best_validation_accuracy", 0.02).comparison
    # 4 of 5 groups of validation images, and 5 of 10 groups of test images.
    expected = contrast_scores(np.array([1.0, 1, 1, 1, 0]), (np.arange(10) < 5) * 1.0)
    variance = (0.8 * 0.2 / 5 + 0.25 / 10) * 15 / 14
    assert found.difference.value == pytest.approx(expected.mean())
    assert found.difference.half_width == pytest.approx(stats.t.ppf(0.975, 14) * np.sqrt(variance))
    older = replace(sound, runs=tuple(without_groups(run, "validation_groups") for run in sound.runs))
    unknown = compare_best_validation("best", older, "best_validation_accuracy", 0.02).comparison
    assert unknown.difference.half_width > 1.9 * np.sqrt(0.25 / 10)


def without_groups(run, *names):
    names = names or ("test_groups", "validation_groups")
    data = {key: value for key, value in run.description["data"].items() if key not in names}
    return replace(run, description={**run.description, "data": data})


def test_a_flaw_without_effect_is_no_gain_however_easy_its_images_are(pair):
    _, sound = pair
    same = experiment("copied", *(make_run(run.seed, run.correct, LEAKED) for run in sound.runs))
    assert compare_leaked(same, sound, "leaked_accuracy", 0.02).comparison.difference.value == 0


def test_runs_with_other_images_are_compared_over_seeds_alone(pair):
    flawed, sound = pair
    others = (flawed.runs[0], make_run(1, first(10, 18), np.roll(LEAKED, 10)))
    found = compare_leaked(replace(flawed, runs=others), sound, "leaked_accuracy", 0.02).comparison
    gains = others[1].correct * 1.0 - sound.runs[1].correct
    expected = (0.4 + gains[10:20].mean() - np.delete(gains, np.arange(10, 20)).mean()) / 2
    assert found.difference.value == pytest.approx(expected)
    assert found.basis_text == "over seeds, 2 runs each"


@pytest.mark.parametrize("leaked", [(), np.arange(IMAGES) < 1, np.arange(IMAGES) > 0])
def test_one_image_on_a_side_is_too_few(pair, leaked):
    flawed, sound = pair
    few = replace(flawed, runs=tuple(make_run(run.seed, run.correct, leaked) for run in flawed.runs))
    only = lessons_of(study({"copied": LESSON}, few, sound))[0]
    assert only.comparison.basis == "nothing"
    assert math.isnan(only.flawed_value)
    assert only.effect == "no verdict"
    assert only.sentence == (
        "The effect of copied cannot be concluded: too few test images leak, or no run has a corrected one of its "
        "seed and test images."
    )


def test_the_best_validation_accuracy_is_compared_with_the_test_accuracy_of_the_run():
    sound = experiment("sound", make_run(0, first(5, 15), best=0.8), make_run(1, first(6, 16), best=0.9))
    found = compare_best_validation("best", sound, "best_validation_accuracy", 0.02)
    assert found.flawed == pytest.approx(0.85)
    assert found.corrected == pytest.approx((20 / 40 + 22 / 40) / 2)
    assert found.comparison.difference.value == pytest.approx(0.85 - 0.525)
    # At least the error of 20 validation images that all runs agree on.
    assert found.comparison.difference.half_width > 1.96 * math.sqrt(0.85 * 0.15 / 20) * 0.95


def test_a_flaw_of_the_report_needs_no_experiment():
    sound = experiment("sound", *(make_run(seed, first(2, 6), best=0.95) for seed in range(5)))
    only = lessons_of(study({"best": BEST}, sound))
    assert [(one.name, one.effect, one.is_main) for one in only] == [("best", "inflates", True)]
    assert only[0].sentence.startswith("best inflates the reported accuracy by 75.0 points (95 % interval ")
    assert only[0].sentence.endswith("over seeds and test images, 5 runs each): 95.0% with the flaw, 20.0% without it.")
    assert summary_of(only) == "The flaw significantly changes the reported accuracy: best (inflates)."
    once = experiment("sound", make_run(0, first(2, 6), best=0.95))
    assert summary_of(lessons_of(study({"best": BEST}, once))) == "The runs allow no verdict on best."


def test_leaked_images_are_the_main_row_and_the_test_accuracy_is_added(pair):
    rows = lessons_of(study({"copied": LESSON, "chosen": replace(LESSON, metric="choosing_accuracy")},
                            *pair, replace(pair[0], name="chosen")))  # fmt: skip
    assert [(one.name, one.metric_name, one.is_main) for one in rows] == [
        ("copied", "accuracy on leaked test images", True),
        ("copied", "test accuracy", False),
        ("chosen", "accuracy on the images that choose the epoch", True),
    ]
    assert rows[1].comparison.difference.value == pytest.approx((24 + 28 - 24 - 23) / 80)


def test_a_single_run_says_nothing_of_other_seeds(pair):
    single = [replace(one, runs=one.runs[:1]) for one in pair]
    only = lessons_of(study({"copied": LESSON}, *single))[0]
    assert only.effect == "no verdict"
    assert only.sentence.startswith("copied: +40.0 points of accuracy on leaked test images (+")
    assert only.sentence.endswith(") in a single run, which says nothing of other seeds.")


def test_an_effect_that_may_be_chance_is_open(pair):
    sound = pair[1]
    weak = experiment("copied", make_run(0, first(7, 18), LEAKED), make_run(1, first(5, 18), LEAKED))
    only = lessons_of(study({"copied": LESSON}, weak, sound))[0]
    start = "copied has no significant effect: +5.0 points of accuracy on leaked test images (−"
    assert only.sentence.startswith(start)
    assert "This study would find " in only.sentence


def test_an_effect_that_the_correction_hides_says_so(pair):
    row = lessons_of(study({"copied": LESSON}, *pair))[0]
    hidden = replace(row, comparison=replace(row.comparison, p_holm=0.06, difference=Interval(0.45, 0.1, 0.8)))
    start = "copied has no significant effect after correction for several comparisons: +45.0 points of "
    assert hidden.sentence.startswith(start)


def test_the_change_of_the_statistics_follows_the_sentence(pair):
    shifted = experiment("all", *(make_run(seed, first(6, 18), mean_shift=0.125, deviation_shift=0.0625)
                                  for seed in range(2)))  # fmt: skip
    only = lessons_of(study({"all": Lesson("sound", "Wrong.", "Look.")}, shifted, pair[1]))[0]
    assert only.note == (
        "It changes the mean of a channel by at most 0.12 grey levels and its standard deviation by at most 0.06."
    )
    assert only.sentence.endswith(only.note)
