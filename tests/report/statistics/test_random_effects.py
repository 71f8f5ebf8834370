"""The two-way analysis agrees with published ones, and its intervals hold what they say."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.intervals import coverage, easiness, verdicts
from kerasclf.report.statistics.group_scores import by_group
from kerasclf.report.statistics.random_effects import (
    Error,
    borrow,
    detectable,
    difference_of,
    equivalence,
    error_of,
    mean_of,
    prediction,
    summarise_scores,
    summarise_values,
    unseen,
)

# Ratings of 69 healthy and 45 diseased patients by five readers with one imaging method (Van Dyke et al. 1993).
HEALTHY = (
    "122151111111411111111131311214111113121211233131133111111221111332111",
    "232222222322522232222222422223222222222222222222222222222432232222222",
    "222235112242422232221232411322112224121412112222223211211221151421212",
    "111111311111111111112111211112111111111111111111331111111111111311111",
    "351211112221211122113221111211211231221113332111211111111341231212113",
)
DISEASED = (
    "555545554555434245555555154454553555115554451",
    "535555542555442225555555243354552425225555352",
    "545555555555542355555555252255552555225555552",
    "555555555555555155555555554544553555125555555",
    "525255551545452235555554144322151515115553552",
)


def jackknife_auc():
    """The pseudo-values of each reader's area under the ROC curve: their mean over patients is the area."""
    rows = []
    for healthy, diseased in zip(HEALTHY, DISEASED, strict=True):
        low, high = (np.array(list(text), int) for text in (healthy, diseased))
        wins = (high[:, None] > low) + 0.5 * (high[:, None] == low)
        n, area = len(low) + len(high), wins.mean()
        without_low = (wins.sum() - wins.sum(axis=0)) / (len(high) * (len(low) - 1))
        without_high = (wins.sum() - wins.sum(axis=1)) / ((len(high) - 1) * len(low))
        rows.append(n * area - (n - 1) * np.concatenate([without_low, without_high]))
    return np.stack(rows)


def test_it_agrees_with_mrmcaov_on_the_data_of_van_dyke():
    # R's MRMCaov: estimate 0.8970370, MS(R) 0.003082629, Cov2 0.0004839618, error 0.03317360, df 12.74465.
    sample = summarise_scores(jackknife_auc())
    error = error_of(sample)
    assert sample.seeds.variance == pytest.approx(0.003082629, rel=1e-5)
    assert error.images == pytest.approx(0.0004839618, rel=1e-5)
    assert error.df == pytest.approx(12.74465, rel=1e-5)
    assert sample.mean - error.half_width() == pytest.approx(0.8252236, rel=1e-5)
    assert sample.mean + error.half_width() == pytest.approx(0.9688505, rel=1e-5)


def test_the_interval_of_a_mean_is_wider_than_satterthwaites_where_both_sources_count():
    error = Error(seeds=3.0, images=1.0, df=8.0)
    assert error.cautious()[:3] == pytest.approx((3.0, 1.0, 8.0 * np.sqrt(0.75)))
    for alone in (Error(3.0, 0.0, 8.0), Error(0.0, 1.0, np.inf)):
        assert alone.cautious() == alone
    sample = summarise_scores(simulate(np.random.default_rng(3), 3, 300, seed_points=2))
    assert mean_of(sample).half_width > error_of(sample).half_width()


def simulate(rng, runs, images, *, seed_points, better_by=0.0, easy=None):
    """Verdicts of a probit model, on the same images if their easiness is given."""
    return verdicts(rng, runs, easiness(rng, images) if easy is None else easy, seed_points, better_by)


def test_the_parts_are_those_of_an_analysis_of_variance():
    statsmodels = pytest.importorskip("statsmodels.formula.api")
    pandas = pytest.importorskip("pandas")
    scores = np.random.default_rng(1).normal(size=(4, 9)) + np.arange(4)[:, None] + 2 * np.arange(9)
    run, image = (index.ravel() for index in np.indices(scores.shape))
    frame = pandas.DataFrame({"score": scores.ravel(), "run": run, "image": image})
    from statsmodels.stats.anova import anova_lm

    squares = anova_lm(statsmodels.ols("score ~ C(run) + C(image)", frame).fit())["mean_sq"]
    error = error_of(summarise_scores(scores))
    assert error.seeds == pytest.approx(squares["C(run)"] / 36)
    assert error.images == pytest.approx((squares["C(image)"] - squares["Residual"]) / 36)


def test_a_difference_needs_no_common_seeds():
    rng = np.random.default_rng(2)
    easy = easiness(rng, 400)
    one, other = (simulate(rng, runs, 400, seed_points=1, easy=easy) for runs in (3, 5))
    error = error_of(summarise_scores(one), summarise_scores(other))
    parts = [summarise_scores(scores).seeds for scores in (one, other)]
    assert error.seeds == pytest.approx(parts[0].variance / 3 + parts[1].variance / 5)
    images = np.var(one.mean(axis=0) - other.mean(axis=0), ddof=1) / 400
    assert error.images == pytest.approx(max(images - parts[0].noise / 3 - parts[1].noise / 5, 0))


def test_runs_of_the_same_seed_can_be_compared_in_pairs():
    rng = np.random.default_rng(9)
    easy, luck = easiness(rng, 400), rng.normal(0, 0.5, (4, 1))
    one, other = ((luck + easy + by + rng.normal(size=(4, 400)) > 0).astype(float) for by in (0.1, 0))
    paired = difference_of(summarise_scores(one - other))
    apart = difference_of(summarise_scores(one), summarise_scores(other))
    assert paired.value == pytest.approx(apart.value)
    assert paired.half_width < apart.half_width / 3


def test_an_interval_on_these_images_is_over_seeds_alone():
    sample = summarise_scores(simulate(np.random.default_rng(3), 5, 300, seed_points=1))
    these, like_these = mean_of(sample, on_these_images=True), mean_of(sample)
    assert these.value == like_these.value
    assert like_these.half_width > these.half_width
    assert error_of(sample, on_these_images=True).df == 4


def test_runs_that_agree_by_chance_still_have_a_width():
    scores = np.zeros((2, 50))
    scores[0, :25] = scores[1, 10:35] = 1  # the same accuracy, on other images
    sample = summarise_scores(scores)
    assert sample.seeds.variance == sample.seeds.noise > 0
    assert mean_of(sample, on_these_images=True).half_width > 0.1


@pytest.mark.parametrize("accuracy", [0, 1])
def test_runs_that_are_always_right_or_always_wrong_have_a_width(accuracy):
    sample = summarise_scores(np.full((3, 40), float(accuracy)))
    assert mean_of(sample).half_width == unseen(40) == pytest.approx(0.0881, abs=1e-4)
    same = difference_of(sample, sample)
    assert (same.value, same.p, same.half_width) == (0, 1, unseen(40))
    assert prediction(sample).half_width == unseen(40)


def test_one_more_run_lies_in_the_textbook_interval_over_seeds_alone():
    values = np.array([0.5, 0.6, 0.7])
    expected = prediction(summarise_values(values, images=100))
    assert expected.half_width == pytest.approx(4.302653 * 0.1 * np.sqrt(1 + 1 / 3), rel=1e-6)


def test_one_more_run_has_more_degrees_of_freedom_the_less_seeds_count():
    sample = summarise_scores(simulate(np.random.default_rng(11), 3, 200, seed_points=1))
    seeds, images = sample.seeds.variance * 4 / 3, error_of(sample).images * (1 + 200 / 50)
    half = stats.t.ppf(0.975, 2 * (seeds + images) / seeds) * np.sqrt(seeds + images)
    assert prediction(sample, test_images=50).half_width == pytest.approx(half)


def test_single_runs_are_compared_as_networks_on_the_images():
    rng = np.random.default_rng(4)
    one, other = (rng.random((1, 200)) < share for share in (0.8, 0.6))
    interval = difference_of(summarise_scores(one * 1.0), summarise_scores(other * 1.0))
    difference = one[0] * 1.0 - other[0]
    assert interval.half_width == pytest.approx(1.95996 * difference.std(ddof=1) / np.sqrt(200), rel=1e-5)
    assert prediction(summarise_scores(one * 1.0)) is None


def test_single_runs_borrow_the_variance_of_the_seeds():
    rng = np.random.default_rng(5)
    several = [summarise_scores(simulate(rng, runs, 300, seed_points=2)) for runs in (3, 5)]
    single = summarise_scores(simulate(rng, 1, 300, seed_points=2))
    *same, lent = borrow([*several, single])
    assert same == several
    assert lent.seeds.borrowed
    assert lent.seeds.df == 6
    assert lent.seeds.variance == pytest.approx((2 * several[0].seeds.variance + 4 * several[1].seeds.variance) / 6)
    assert error_of(lent).seeds == pytest.approx(lent.seeds.variance)
    assert borrow([single]) == [single]


def test_equivalence_needs_a_margin_that_the_interval_does_not_reach():
    rng = np.random.default_rng(6)
    easy = easiness(rng, 5000)
    one, other = (summarise_scores(simulate(rng, 5, 5000, seed_points=0.2, easy=easy)) for _ in range(2))
    assert equivalence(one, other, margin=0.02) < 0.01
    assert equivalence(one, other, margin=0.002) > 0.05
    assert equivalence(one, one, margin=0) == pytest.approx(0.5)


def test_the_detectable_difference_has_a_limit_of_the_images():
    rng = np.random.default_rng(7)
    easy = easiness(rng, 400)
    one, other = (
        summarise_scores(simulate(rng, 4, 400, seed_points=1, better_by=better, easy=easy)) for better in (0, 0.1)
    )
    found, limit = detectable(one, other)
    error = error_of(one, other)
    assert limit == pytest.approx(2.8016 * np.sqrt(error.images), rel=1e-4)
    assert found > 2.8016 * np.sqrt(error.variance) > limit


def test_few_groups_give_few_degrees_of_freedom():
    rng, groups = np.random.default_rng(8), np.repeat(np.arange(6), 10)
    scores = rng.random((3, 60)) + rng.random(6)[groups]
    grouped, plain = summarise_scores(scores, groups), summarise_scores(by_group(scores, groups))
    assert (grouped.images, grouped.mean) == (6, pytest.approx(scores.mean()))
    (error, of_many), seeds = (error_of(one) for one in (grouped, plain)), grouped.seeds.variance / 3
    assert (error.seeds, error.images) == (of_many.seeds, of_many.images)
    below = seeds**2 / 2 + error.images**2 / 5
    assert error.df == pytest.approx(error.variance**2 / below)
    # Fewer where both sources count, but only those of the seeds.
    share = np.sqrt(seeds / error.variance)
    below = seeds**2 / (2 * share) + error.images**2 / 5
    assert error.cautious().df == pytest.approx(error.variance**2 / below)
    assert mean_of(grouped).half_width > mean_of(plain).half_width
    assert prediction(grouped).half_width >= prediction(plain).half_width


def test_one_network_on_groups_has_an_interval_of_student_over_them():
    right, groups = np.repeat([[1.0, 1, 0, 1, 0, 1]], 10, axis=1), np.repeat(np.arange(6), 10)
    error = stats.sem([1, 1, 0, 1, 0, 1])
    alone, runs = summarise_scores(right, groups), summarise_scores(np.repeat(right, 3, axis=0), groups)
    assert mean_of(alone).half_width == pytest.approx(stats.t.ppf(0.975, 5) * error)
    assert difference_of(alone).p == pytest.approx(2 * stats.t.sf(4 / 6 / error, 5))
    assert mean_of(runs).half_width == pytest.approx(stats.t.ppf(0.975, 5) * error)  # seeds that do not vary


def test_a_single_group_shows_nothing_of_others():
    group = np.zeros(10, np.int64)
    rng = np.random.default_rng(0)
    for runs in (1, 3):
        assert np.isfinite(mean_of(summarise_scores(rng.random((runs, 10)), group)).half_width)


def test_values_of_runs_alone_give_an_interval_over_seeds():
    values = np.array([0.5, 0.6, 0.7])
    sample = summarise_values(values, images=100)
    assert error_of(sample).images == 0
    assert mean_of(sample).half_width == pytest.approx(4.302653 * 0.1 / np.sqrt(3), rel=1e-6)
    corrected = summarise_values(values, images=100, overlap=0.25)  # 1/3 + 1/4 for 1/3
    assert error_of(corrected).seeds == pytest.approx(0.1**2 * (1 / 3 + 0.25))
    agreeing = summarise_values(np.full(3, 0.5), images=100)  # one image adds 0.01
    assert mean_of(agreeing).half_width == pytest.approx(4.302653 * 0.01 / np.sqrt(3), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("seed_points", [0.2, 1, 2, 3])
@pytest.mark.parametrize(("runs", "images"), [(2, 100), (2, 2500), (3, 500), (3, 2500), (5, 100), (5, 2500), (10, 500)])
def test_intervals_hold_what_they_say(runs, images, seed_points):
    shares = coverage(runs, images, seed_points, studies=2000)
    # 2,000 studies show a share of 93 % to within 1.1 points.
    assert shares["seeds and images"] > (0.9 if runs == 2 else 0.93 - 0.011)
    assert shares["false findings"] < 0.05 + 0.010
    assert shares["prediction"] > 0.94 - 0.011


@pytest.mark.slow
@pytest.mark.parametrize("seed_points", [0.2, 2])
def test_experiments_at_the_margin_are_seldom_called_equal(seed_points):
    rng = np.random.default_rng(0)
    equal = 0
    for _ in range(1000):
        easy = easiness(rng, 2500)
        one, better = (
            summarise_scores(simulate(rng, 5, 2500, seed_points=seed_points, better_by=by, easy=easy))
            for by in (0, 0.02)
        )
        equal += equivalence(one, better, margin=0.02) < 0.05
    assert equal / 1000 < 0.06
