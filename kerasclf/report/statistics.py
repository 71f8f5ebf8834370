"""What repeats and shared test images say about a difference: intervals, tests, repeats needed. Needs no TensorFlow."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64] | Sequence[float]
Flags = NDArray[np.bool_]

CONFIDENCE = 0.95
# Beyond so many repeats a study is better redesigned than repeated.
MOST_REPEATS = 1000
# Values that differ by less differ by rounding alone.
_NO_SPREAD = 1e-12


class Interval(NamedTuple):
    """An estimate with its interval, and the p-value of "it is 0" where one was asked for."""

    value: float
    low: float
    high: float
    p: float = math.nan

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2


def mean_interval(values: Floats, confidence: float = CONFIDENCE) -> Interval:
    """Returns a mean with Student's t-interval and the p-value of a mean of 0; the interval is nan for one value.

    Where all values are the same the interval has no width, and p is 0 unless that value is 0.
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
    """Returns a mean of shares, such as accuracies, with its t-interval cut to what a share can be, 0 to 1.

    The truth is never in the part that is cut off, so that the interval covers it as often as before; where it is cut
    it is no longer symmetric about the mean.
    """
    found = mean_interval(values, confidence)
    low, high = np.clip([found.low, found.high], 0, 1)
    return found._replace(low=float(low), high=float(high))


def paired_difference(values: Floats, others: Floats, confidence: float = CONFIDENCE) -> Interval:
    """Returns the mean of values - others, pair by pair, with its t-interval and p-value (the paired t-test).

    Raises:
        ValueError: There are not as many of one as of the other.
    """
    values, others = np.asarray(values, np.float64), np.asarray(others, np.float64)
    if values.shape != others.shape:
        raise ValueError(f"Expected pairs. Received: {len(values)} values and {len(others)} others.")
    return mean_interval(values - others, confidence)


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values corrected for their number after Holm (1979), in the order given; nan stays nan."""
    known = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    corrected = [math.nan] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        # No smaller p-value may end up above a larger one.
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[place] = largest
    return corrected


def mcnemar(right: Flags, other_right: Flags) -> float:
    """Returns the exact p-value of McNemar's test: do two classifiers err alike often on the same images?

    Args:
        right: Whether each image was classified rightly.
        other_right: The same of the other classifier.
    """
    gained, lost = int(np.sum(right & ~other_right)), int(np.sum(~right & other_right))
    return float(stats.binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def bootstrap_difference(
    right: Flags, other_right: Flags, confidence: float = CONFIDENCE, draws: int = 10_000, seed: int = 0
) -> Interval:
    """Returns the difference of two accuracies on the same images, with its percentile bootstrap interval.

    Images are drawn anew with both verdicts on each. The p-value is McNemar's.
    """
    n = len(right)
    gained, lost = int(np.sum(right & ~other_right)), int(np.sum(~right & other_right))
    # A draw of n images is a draw of how many of them were gained, lost, and neither.
    shares = [gained / n, lost / n, (n - gained - lost) / n]
    counts = np.random.default_rng(seed).multinomial(n, shares, size=draws)
    low, high = np.quantile((counts[:, 0] - counts[:, 1]) / n, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval((gained - lost) / n, float(low), float(high), mcnemar(right, other_right))


def accuracy_interval(right: Flags, confidence: float = CONFIDENCE) -> Interval:
    """Returns an accuracy with Wilson's interval, which says how far the test images alone decide it."""
    found = stats.binomtest(int(np.sum(right)), len(right)).proportion_ci(confidence, method="wilson")
    return Interval(float(np.mean(right)), float(found.low), float(found.high))


def repeats_needed(difference: float, deviation: float, power: float = 0.8, level: float = 1 - CONFIDENCE) -> int:
    """Returns how many paired repeats would show a difference with this power in a two-sided t-test.

    Args:
        difference: The difference as it is now.
        deviation: Standard deviation of the paired differences.
        power: Chance of finding it.
        level: Accepted chance of finding one that is not there.

    Returns:
        At least 2; `MOST_REPEATS` + 1 where so many would not do.
    """
    if deviation < _NO_SPREAD:
        return 2
    n = np.arange(2, MOST_REPEATS + 1)
    critical, shift = stats.t.ppf(1 - level / 2, n - 1), abs(difference) / deviation * np.sqrt(n)
    found = stats.nct.sf(critical, n - 1, shift) + stats.nct.cdf(-critical, n - 1, shift)
    # Far beyond what is needed scipy's series no longer converges.
    enough = np.isnan(found) | (found >= power)
    return int(n[enough.argmax()]) if enough.any() else MOST_REPEATS + 1


def selection_flatters(rights: NDArray[np.bool_], draws: int = 2000, seed: int = 0) -> float:
    """Returns how much choosing the best candidate on the images it is reported on flatters its accuracy.

    The images are halved at random again and again; the candidate that is best on one half is looked at on the other.

    Args:
        rights: Whether each candidate (row) classified each image (column) rightly.
        draws: How often.
        seed: For the halves.

    Returns:
        The mean fall of the chosen one's accuracy from the half it was chosen on to the other; an upper estimate,
        since half the images flatter more than all of them.
    """
    rng = np.random.default_rng(seed)
    images = rights.shape[1]
    half = images // 2
    verdicts = rights.astype(np.float32)
    total = verdicts.sum(axis=1)
    falls = []
    for _ in range(draws):
        chosen_on = verdicts[:, rng.permutation(images)[:half]].sum(axis=1)
        best = int(chosen_on.argmax())
        falls.append(chosen_on[best] / half - (total[best] - chosen_on[best]) / (images - half))
    return float(np.mean(falls))
