"""Scores and effective numbers of groups of images that are alike, such as photographs of one patient."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Scores = NDArray[np.float64]  # (runs, images)


def by_group(scores: Scores, groups: NDArray[np.int64]) -> Scores:
    """Returns scores of groups of images, such as the photographs of one individual, instead of single images.

    Each run keeps its mean over the images, because larger groups count more.

    Args:
        scores: Score of each run (row) on each image (column).
        groups: Group of each image, numbered from 0.
    """
    sizes = np.bincount(groups).astype(np.float64)
    sums = np.stack([np.bincount(groups, weights=row) for row in scores])
    means = scores.mean(axis=1, keepdims=True)
    # The deviations of a ratio's numerator, linearised: they sum to zero over the groups.
    return np.asarray(means + (sums - means * sizes) * len(sizes) / scores.shape[1])


def effective_images(correct: NDArray[Any], groups: NDArray[np.int64], confidence: float) -> float:
    """Returns the number of independent images that would tell as much of an accuracy as these images in groups.

    It is the number of images divided by Kish's design effect (1965), which comes from the spread of the groups. A
    spread of few groups is uncertain: the ratio of two quantiles of Student's t allows for that (Korn and Graubard
    1998). Images in groups never say more than independent ones. They never say less than if each group were right or
    wrong as a whole. That number is the result where all images or none are correct, which shows no spread.

    Args:
        correct: Whether each image is correct, or in which share of the runs.
        groups: Group of each image; numbers may be missing.
        confidence: The confidence of the interval that takes the number.
    """
    images, numbers = len(correct), np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(numbers)
    fewest = images**2 / float((sizes**2).sum())
    accuracy = float(np.mean(correct))
    independent = accuracy * (1 - accuracy)
    if len(sizes) < 2 or independent == 0:
        return fewest
    variance = float(np.var(by_group(np.asarray(correct, np.float64)[None], numbers), ddof=1)) / len(sizes)
    # Groups of one image have the variance p(1 − p)/(n − 1), and then the number is n.
    found = min(independent / variance + 1, images) if variance > 0 else images
    many, few = (float(stats.t.ppf((1 + confidence) / 2, count - 1)) for count in (images, len(sizes)))
    return max(found * (many / few) ** 2, fewest)
