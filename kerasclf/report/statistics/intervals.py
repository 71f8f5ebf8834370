"""Intervals, the correction for several comparisons, and the bias of a choice. Needs no TensorFlow."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Flags = NDArray[np.bool_]

CONFIDENCE = 0.95


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


UNKNOWN = Interval(math.nan, math.nan, math.nan)


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


def accuracy_interval(correct: Flags, confidence: float = CONFIDENCE) -> Interval:
    """Returns an accuracy with Wilson's interval, the uncertainty due to the limited number of test images."""
    interval = stats.binomtest(int(np.sum(correct)), len(correct)).proportion_ci(confidence, method="wilson")
    return Interval(float(np.mean(correct)), float(interval.low), float(interval.high))


def balanced_interval(counts: NDArray[np.int64], recalls: NDArray[np.float64]) -> Interval:
    """Returns the mean recall of classes with its interval over images like these.

    It combines Wilson's intervals of the recalls by the square-and-add method (Newcombe 1998; Zou and Donner 2008). For
    a single class it is Wilson's. A class of few images widens it, even if all of them are correct.

    Args:
        counts: Number of images of each class, at least 1.
        recalls: Share of them that is correct; several runs may have been averaged.
    """
    z2, value = stats.norm.ppf((1 + CONFIDENCE) / 2) ** 2, float(recalls.mean())
    centers = (recalls + z2 / (2 * counts)) / (1 + z2 / counts)
    halves = np.sqrt(z2 * (recalls * (1 - recalls) / counts + z2 / (4 * counts**2))) / (1 + z2 / counts)
    below, above = recalls - (centers - halves), centers + halves - recalls
    low, high = (math.sqrt(float((part**2).sum())) / len(counts) for part in (below, above))
    return Interval(value, max(value - low, 0.0), min(value + high, 1.0))


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
