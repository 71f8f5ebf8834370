"""Statistics of repeated runs and shared test images: intervals, tests, number of repeats. Needs no TensorFlow."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64] | Sequence[float]
Flags = NDArray[np.bool_]

CONFIDENCE = 0.95
# A study that needs more repeats than this should be redesigned, not repeated.
MAX_REPEATS = 1000
# Smaller differences between values are rounding errors.
_NO_SPREAD = 1e-12


class Interval(NamedTuple):
    """An estimate with its interval, and the p-value of the hypothesis that it is 0 if that was tested."""

    value: float
    low: float
    high: float
    p: float = math.nan

    @property
    def half_width(self) -> float:
        """Half the distance between the two ends."""
        return (self.high - self.low) / 2


def mean_interval(values: Floats, confidence: float = CONFIDENCE) -> Interval:
    """Returns the mean of values with Student's t-interval and the p-value of the hypothesis that the mean is 0.

    A single value has an interval and a p-value of nan. If all values are equal, the interval has no width, and p is 0
    unless that value is 0.
    """
    values = np.asarray(values, np.float64)
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return Interval(mean, math.nan, math.nan)
    if float(np.ptp(values)) < _NO_SPREAD:
        return Interval(mean, mean, mean, float(abs(mean) < _NO_SPREAD))
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Interval(mean, mean - half, mean + half, float(2 * stats.t.sf(abs(mean) / error, n - 1)))


def share_interval(values: Floats, confidence: float = CONFIDENCE) -> Interval:
    """Returns the mean of shares, such as accuracies, with its t-interval clipped to 0 and 1.

    A true share never lies beyond these limits: clipping keeps the coverage. A clipped interval is no longer symmetric
    about the mean.
    """
    interval = mean_interval(values, confidence)
    low, high = np.clip([interval.low, interval.high], 0, 1)
    return interval._replace(low=float(low), high=float(high))


def paired_difference(values: Floats, others: Floats, confidence: float = CONFIDENCE) -> Interval:
    """Returns the mean of the paired differences values - others, with its t-interval and paired t-test p-value.

    Raises:
        ValueError: If the two sequences have different lengths.
    """
    values, others = np.asarray(values, np.float64), np.asarray(others, np.float64)
    if values.shape != others.shape:
        raise ValueError(f"Expected pairs. Received: {len(values)} values and {len(others)} others.")
    return mean_interval(values - others, confidence)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for multiple comparisons by the method of Holm (1979).

    The order is kept, and nan stays nan.
    """
    known = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(known):
        # A smaller p-value must not end up above a larger one.
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[index] = largest
    return corrected


def mcnemar(correct: Flags, other_correct: Flags) -> float:
    """Returns the exact p-value of McNemar's test: do two classifiers have the same error rate on the same images?

    Args:
        correct: Whether the first classifier is correct on each image.
        other_correct: Whether the second classifier is correct on each image.
    """
    gained, lost = int(np.sum(correct & ~other_correct)), int(np.sum(~correct & other_correct))
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def bootstrap_difference(
    correct: Flags, other_correct: Flags, confidence: float = CONFIDENCE, draws: int = 10_000, seed: int = 0
) -> Interval:
    """Returns the difference of two accuracies on the same images, with its percentile bootstrap interval.

    Each resampled image keeps the results of both classifiers. The p-value is that of McNemar's test.
    """
    n = len(correct)
    gained, lost = int(np.sum(correct & ~other_correct)), int(np.sum(~correct & other_correct))
    # Resampling n images is equivalent to drawing how many of them are gained, lost, and neither.
    shares = [gained / n, lost / n, (n - gained - lost) / n]
    counts = np.random.default_rng(seed).multinomial(n, shares, size=draws)
    low, high = np.quantile((counts[:, 0] - counts[:, 1]) / n, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval((gained - lost) / n, float(low), float(high), mcnemar(correct, other_correct))


def accuracy_interval(correct: Flags, confidence: float = CONFIDENCE) -> Interval:
    """Returns an accuracy with Wilson's interval, the uncertainty due to the limited number of test images."""
    interval = stats.binomtest(int(np.sum(correct)), len(correct)).proportion_ci(confidence, method="wilson")
    return Interval(float(np.mean(correct)), float(interval.low), float(interval.high))


def repeats_needed(difference: float, deviation: float, power: float = 0.8, level: float = 1 - CONFIDENCE) -> int:
    """Returns the number of paired repeats that detect a difference with a given power in a two-sided t-test.

    Args:
        difference: The measured difference.
        deviation: Standard deviation of the paired differences.
        power: Probability of detecting the difference.
        level: Significance level, the accepted probability of a false positive.

    Returns:
        At least 2; `MAX_REPEATS` + 1 if `MAX_REPEATS` are not enough.
    """
    if deviation < _NO_SPREAD:
        return 2
    n = np.arange(2, MAX_REPEATS + 1)
    critical, shift = stats.t.ppf(1 - level / 2, n - 1), abs(difference) / deviation * np.sqrt(n)
    reached = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    # Far beyond the number needed, scipy's series no longer converges and gives nan.
    enough = np.isnan(reached) | (reached >= power)
    return int(n[enough.argmax()]) if enough.any() else MAX_REPEATS + 1


def selection_bias(correct: NDArray[np.bool_], draws: int = 2000, seed: int = 0) -> float:
    """Returns how much the accuracy of the best candidate is overestimated on the images that it was chosen on.

    The images are split into random halves many times. The candidate that is best on one half is evaluated on the
    other.

    Args:
        correct: Whether each candidate (row) is correct on each image (column).
        draws: Number of random splits.
        seed: Seed of the splits.

    Returns:
        The mean drop in accuracy from one half to the other. It is an upper estimate: selection on half the images is
        more biased than selection on all of them.
    """
    rng = np.random.default_rng(seed)
    images = correct.shape[1]
    half = images // 2
    results = correct.astype(np.float32)
    total = results.sum(axis=1)
    drops = []
    for _ in range(draws):
        chosen_on = results[:, rng.permutation(images)[:half]].sum(axis=1)
        best = int(chosen_on.argmax())
        drops.append(chosen_on[best] / half - (total[best] - chosen_on[best]) / (images - half))
    return float(np.mean(drops))
