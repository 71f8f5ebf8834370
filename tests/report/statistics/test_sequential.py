"""Looking at a study several times."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.intervals import easiness, verdicts
from kerasclf.report.comparisons import compare_samples, corrected
from kerasclf.report.findings import open_comparisons
from kerasclf.report.statistics.random_effects import summarise_scores
from kerasclf.report.statistics.sequential import spending_levels, strictness
from kerasclf.studies.study_options import looks_of


@pytest.mark.parametrize(
    ("least", "most", "looks"), [(3, 10, (3, 5, 10)), (2, 4, (2, 3, 4)), (3, 3, (3,)), (3, 4, (3, 4))]
)
def test_the_looks_lie_between_the_numbers_of_repeats(least, most, looks):
    assert looks_of(least, most) == looks


def test_the_first_level_is_what_is_spent_by_then():
    assert spending_levels((3, 5, 10))[0] == pytest.approx(0.05 * np.log(1 + (np.e - 1) * 0.3), rel=1e-3)
    assert spending_levels((5,)) == pytest.approx((0.05,), rel=1e-4)


def test_a_look_between_the_planned_ones_spends_its_share():
    assert strictness((), 4) == 1
    assert [strictness((3, 5, 10), runs) for runs in (3, 5, 10)] == pytest.approx(
        [0.05 / level for level in spending_levels((3, 5, 10))]
    )
    assert strictness((3, 5, 10), 4) == pytest.approx(0.05 / spending_levels((3, 4, 10))[1])
    assert strictness((3, 5, 10), 2) == pytest.approx(0.05 / spending_levels((2, 10))[0])


@pytest.mark.parametrize("looks", [(3, 5, 10), (2, 4)])
def test_all_looks_together_err_in_five_percent(looks):
    rng, steps = np.random.default_rng(1), np.diff(looks, prepend=0)
    sums = np.cumsum(rng.normal(size=(400_000, len(looks))) * np.sqrt(steps), axis=1)
    beyond = np.abs(sums) / np.sqrt(looks) > stats.norm.isf(np.array(spending_levels(looks)) / 2)
    assert beyond.any(axis=1).mean() == pytest.approx(0.05, abs=0.001)


def compared_at(looks, runs, scores):
    """Each experiment and the first, after some of the planned runs."""
    samples = [summarise_scores(one[:runs]) for one in scores]
    compared = [compare_samples((str(i), "0"), (runs, runs), (s, samples[0])) for i, s in enumerate(samples[1:], 1)]
    return corrected(compared, strictness(looks, runs))


@pytest.mark.slow
@pytest.mark.parametrize("seed_points", [0.2, 1, 3])
@pytest.mark.parametrize(("experiments", "images"), [(2, 100), (2, 2500), (5, 500)])
def test_studies_of_equal_experiments_that_stop_when_decided_err_in_five_percent(experiments, images, seed_points):
    rng, looks, studies = np.random.default_rng(0), (3, 5, 10), 1000
    false, stopped = 0, dict.fromkeys(looks, 0)
    for _ in range(studies):
        easy = easiness(rng, images)
        scores = [verdicts(rng, looks[-1], easy, seed_points) for _ in range(experiments)]
        for runs in looks:
            compared = compared_at(looks, runs, scores)
            if not open_comparisons(compared):
                break
        stopped[runs] += 1
        false += any(one.significant for one in compared)
    print(f"{experiments} experiments, {images} images, {seed_points} points: {false / studies:.3f} {stopped}")
    assert false / studies < 0.05 + 2 * np.sqrt(0.05 * 0.95 / studies)
