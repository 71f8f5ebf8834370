"""Intervals, the correction for several comparisons, and the bias of a choice. Needs no TensorFlow."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kerasclf.report.statistics.group_scores import effective_images

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


def accuracy_interval(
    correct: Flags, confidence: float = CONFIDENCE, groups: NDArray[np.int64] | None = None
) -> Interval:
    """Returns an accuracy with Wilson's interval, the uncertainty due to the limited number of test images.

    With groups, Wilson's formula takes the effective number of images (`effective_images`; Franco et al. 2019). Unlike
    Student's interval over the means of groups, it stays within 0 and 1. It has a width even if all groups agree.

    Args:
        correct: Whether each image is correct.
        confidence: The confidence.
        groups: Group of each image, numbered from 0; None without.
    """
    if groups is not None:
        value = float(np.mean(correct))
        center, half = _wilson(value, effective_images(correct, groups, confidence), confidence)
        return Interval(value, max(float(center - half), 0.0), min(float(center + half), 1.0))
    interval = stats.binomtest(int(np.sum(correct)), len(correct)).proportion_ci(confidence, method="wilson")
    return Interval(float(np.mean(correct)), float(interval.low), float(interval.high))


def balanced_interval(counts: NDArray[np.int64] | NDArray[np.float64], recalls: NDArray[np.float64]) -> Interval:
    """Returns the mean recall of classes with its interval over images like these.

    It combines Wilson's intervals of the recalls by the square-and-add method (Newcombe 1998; Zou and Donner 2008). For
    a single class it is Wilson's. A class of few images widens it, even if all of them are correct.

    Args:
        counts: Number of images of each class, at least 1; in groups, their effective number.
        recalls: Share of them that is correct; several runs may have been averaged.
    """
    value, (centers, halves) = float(recalls.mean()), _wilson(recalls, counts)
    below, above = recalls - (centers - halves), centers + halves - recalls
    low, high = (math.sqrt(float((part**2).sum())) / len(counts) for part in (below, above))
    return Interval(value, max(value - low, 0.0), min(value + high, 1.0))


def _wilson(share: Any, images: Any, confidence: float = CONFIDENCE) -> tuple[Any, Any]:
    """Returns the center and half the width of Wilson's interval (1927) of a share of images, or of several."""
    z2 = stats.norm.ppf((1 + confidence) / 2) ** 2
    half = np.sqrt(z2 * (share * (1 - share) / images + z2 / (4 * images**2))) / (1 + z2 / images)
    return (share + z2 / (2 * images)) / (1 + z2 / images), half


def selection_bias(correct: NDArray[Any], draws: int = 2000, seed: int = 0) -> float:
    """Returns how much the accuracy of the best candidate is overestimated on the images that it was chosen on.

    The images are split into random halves many times. The candidate that is best on one half is evaluated on the
    other.

    Args:
        correct: Whether each candidate (row) is correct on each image (column); or its scores of groups of images.
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
