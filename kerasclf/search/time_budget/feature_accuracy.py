"""Judges the features of a network by heads on them, cross-validated on the training set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.groups import fold_numbers
from kerasclf.data.splits import sample_of_classes
from kerasclf.transfer.linear_head import FEW_STEPS, WEAK_PENALTY, fit_head

FOLDS = 5
# Enough images to order networks; more take minutes with hundreds of classes.
_MAX_IMAGES = 2000


def cross_validated_accuracy(
    features: NDArray[np.floating[Any]], labels: NDArray[np.int64], groups: Sequence[str] = (), seed: int = 0
) -> float | None:
    """Returns the accuracy of logistic regression on features, cross-validated in five folds.

    A class with fewer images than folds, and fewer groups, reduce the number of folds. Classes of a single image take
    no part.

    Args:
        features: The features, shape (n, ...).
        labels: Class of each image, shape (n,).
        groups: Group of each image, which stays in one fold; empty without groups.
        seed: Seed of the folds.

    Returns:
        The share of images that are classified correctly when held out; None if no class has two images, or if all
        images are of one group.
    """
    counts = np.bincount(labels)
    takes_part = counts[labels] >= 2
    rows, labels = np.asarray(features, np.float32).reshape(len(labels), -1)[takes_part], labels[takes_part]
    groups = tuple(np.array(groups)[takes_part]) if groups else ()
    folds = min(FOLDS, int(counts[counts >= 2].min(initial=FOLDS)), len(set(groups)) or FOLDS)
    if len(labels) == 0 or folds < 2:
        return None
    numbers = fold_numbers(labels, groups, folds, seed)
    right = 0
    for number in range(folds):
        held_out = numbers == number
        predicted = _predict(rows[~held_out], labels[~held_out], rows[held_out])
        right += int((predicted == labels[held_out]).sum())
    return right / len(labels)


def comparison_sample(labels: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """Returns the indices of the training images on which networks are compared: all, or about 2,000."""
    return sample_of_classes(labels, _MAX_IMAGES, seed)


def _predict(rows: NDArray[np.float32], labels: NDArray[np.int64], others: NDArray[np.float32]) -> NDArray[np.int64]:
    """Returns the classes that a head predicts for other rows."""
    classes = np.unique(labels)
    if len(classes) == 1:  # groups can leave a single class, which no head can be fitted to
        return np.full(len(others), classes[0])
    predicted: NDArray[np.int64] = fit_head(rows, labels, WEAK_PENALTY, FEW_STEPS).predict(others)
    return predicted
