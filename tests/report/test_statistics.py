"""Intervals and tests, compared with scipy and statsmodels, and their coverage in simulations."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from kerasclf.report import statistics

A = [0.612, 0.598, 0.641, 0.620, 0.605]
B = [0.590, 0.601, 0.611, 0.607, 0.588]


def correct_flags(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.random(n) < 0.7, rng.random(n) < 0.62


def test_mean_interval_is_students():
    found = statistics.mean_interval(A)
    low, high = stats.t.interval(0.95, len(A) - 1, np.mean(A), stats.sem(A))
    assert found[:3] == pytest.approx((np.mean(A), low, high), abs=1e-12)
    assert found.p == pytest.approx(stats.ttest_1samp(A, 0).pvalue, rel=1e-9)


def test_one_value_has_no_interval():
    found = statistics.mean_interval([0.5])
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.p)


@pytest.mark.parametrize(("values", "p"), [([0.1, 0.1, 0.1], 0), ([0.0, 0.0], 1)])
def test_values_without_spread(values, p):
    found = statistics.mean_interval(values)
    assert found[:] == pytest.approx((values[0], values[0], values[0], p))


def test_the_interval_of_shares_is_clipped_to_0_and_1():
    """Three runs on 30 flowers: Student's interval is 0.884 to 1.073."""
    runs = [1.0, 0.9333, 1.0]
    known, found = statistics.mean_interval(runs), statistics.share_interval(runs)
    assert known.high == pytest.approx(1.0734, abs=1e-4)
    assert found == (known.value, known.low, 1.0, known.p)
    assert statistics.share_interval([0.0, 0.1]).low == 0.0
    assert statistics.share_interval(A) == statistics.mean_interval(A)
    assert math.isnan(statistics.share_interval([0.9]).high)


def test_clipped_intervals_keep_their_coverage():
    rng = np.random.default_rng(4)
    runs = rng.binomial(30, 0.97, (2000, 5)) / 30
    covered = {
        method: np.mean([method(values).low <= 0.97 <= method(values).high for values in runs])
        for method in (statistics.mean_interval, statistics.share_interval)
    }
    assert len(set(covered.values())) == 1


def test_paired_difference_is_the_paired_t_test():
    found, known = statistics.paired_difference(A, B), stats.ttest_rel(A, B)
    interval = known.confidence_interval(0.95)
    assert found[:] == pytest.approx((np.mean(A) - np.mean(B), interval.low, interval.high, known.pvalue), rel=1e-9)
    with pytest.raises(ValueError, match=r"Expected pairs\. Received: 5 values and 4 others"):
        statistics.paired_difference(A, B[:4])


@pytest.mark.parametrize("p_values", [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9], [0.001], [0.02, 0.02, 0.02]])
def test_holm_is_that_of_statsmodels(p_values):
    assert statistics.holm(p_values) == pytest.approx(list(multipletests(p_values, method="holm")[1]))


def test_holm_ignores_unknown_p_values():
    found = statistics.holm([0.01, math.nan, 0.04])
    assert found[0] == pytest.approx(0.02)
    assert math.isnan(found[1])


@pytest.mark.parametrize("seed", range(4))
def test_mcnemar_is_that_of_statsmodels(seed):
    a, b = correct_flags(seed=seed)
    table = [[np.sum(a & b), np.sum(a & ~b)], [np.sum(~a & b), np.sum(~a & ~b)]]
    assert statistics.mcnemar(a, b) == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue)
    assert statistics.mcnemar(a, a) == 1


def test_bootstrap_is_that_of_scipy():
    a, b = correct_flags()
    found = statistics.bootstrap_difference(a, b)
    differences = a.astype(float) - b
    known = stats.bootstrap((differences,), np.mean, method="percentile", n_resamples=10_000, rng=1).confidence_interval
    assert found.value == pytest.approx(differences.mean())
    # Both resample at random: their ends differ by one or two images in 400.
    assert found.low == pytest.approx(known.low, abs=0.006)
    assert found.high == pytest.approx(known.high, abs=0.006)
    assert statistics.bootstrap_difference(a, b) == found


def test_wilson_interval():
    found = statistics.accuracy_interval(np.arange(100) < 90)
    assert found[:3] == pytest.approx((0.9, 0.8256343, 0.9447709), abs=1e-6)  # Newcombe's formula, by hand


@pytest.mark.parametrize(("difference", "deviation"), [(0.02, 0.01), (0.01, 0.01), (0.004, 0.01), (-0.002, 0.01)])
def test_repeats_needed_is_that_of_statsmodels(difference, deviation):
    exact = TTestPower().solve_power(abs(difference) / deviation, alpha=0.05, power=0.8)
    assert statistics.repeats_needed(difference, deviation) == math.ceil(exact)


def test_repeats_needed_has_limits():
    assert statistics.repeats_needed(1e-6, 0.01) == statistics.MAX_REPEATS + 1
    assert statistics.repeats_needed(0.01, 0) == 2


@pytest.mark.parametrize("n", [3, 5, 20])
def test_t_intervals_have_their_coverage(n):
    """95 % intervals cover the true value in 93 to 97 % of 2,000 simulations."""
    rng = np.random.default_rng(n)
    base, other = rng.normal(0.5, 0.02, (2000, n)), rng.normal(0.53, 0.02, (2000, n))
    found = [statistics.paired_difference(b, a) for a, b in zip(base, other, strict=True)]
    covered = np.mean([interval.low <= 0.03 <= interval.high for interval in found])
    assert 0.93 <= covered <= 0.97


def test_bootstrap_intervals_have_their_coverage():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(2000):
        correct = rng.random(1000) < 0.7
        other = np.where(rng.random(1000) < 0.8, correct, rng.random(1000) < 0.6)  # correlated, as networks are
        found = statistics.bootstrap_difference(correct, other, draws=500, seed=int(rng.integers(2**31)))
        covered += found.low <= 0.7 - (0.8 * 0.7 + 0.2 * 0.6) <= found.high
    assert 0.93 <= covered / 2000 <= 0.97


def test_mcnemar_and_holm_keep_the_significance_level():
    rng = np.random.default_rng(1)
    false_positives = 0
    for _ in range(500):
        p = [statistics.mcnemar(rng.random(500) < 0.6, rng.random(500) < 0.6) for _ in range(4)]
        false_positives += min(statistics.holm(p)) < 0.05
    assert false_positives / 500 <= 0.07


def test_selection_on_the_reported_images_is_biased():
    """Of twenty equal candidates, the best on half of 400 images is about two standard deviations too good there."""
    rng = np.random.default_rng(0)
    equal = rng.random((20, 400)) < 0.6
    assert 0.03 < statistics.selection_bias(equal, draws=300) < 0.12
    clear = np.stack([rng.random(400) < 0.9, rng.random(400) < 0.5])
    assert abs(statistics.selection_bias(clear, draws=300)) < 0.01
