"""Judges the features of a network by heads on them, cross-validated on the training set."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.groups import fold_numbers
from kerasclf.transfer.linear_head import fit_head

FOLDS = 5
# Enough images to order networks; more take minutes with hundreds of classes.
_MAX_IMAGES = 2000
# A weak penalty on standardised features, and few steps: the order of the networks counts, not the last digit.
_PENALTY, _STEPS = 0.1, 50


def cross_validated_accuracy(
    features: NDArray[np.floating[Any]], labels: NDArray[np.int64], groups: Sequence[str] = (), seed: int = 0
) -> float | None:
    """Returns the accuracy of logistic regression on features, cross-validated in five folds.

    A class with fewer images than folds, and fewer groups, reduce the number of folds.

    Args:
        features: The features, shape (n, ...).
        labels: Class of each image, shape (n,).
        groups: Group of each image, which stays in one fold; empty without groups.
        seed: Seed of the folds.

    Returns:
        The share of images that are classified correctly when held out; None if a class has a single image, or if all
        images are of one group.
    """
    folds = min(FOLDS, int(np.unique(labels, return_counts=True)[1].min()), len(set(groups)) or FOLDS)
    if folds < 2:
        return None
    rows = np.asarray(features, np.float32).reshape(len(labels), -1)
    numbers = _fold_numbers(labels, groups, folds, seed)
    right = 0
    for number in range(folds):
        held_out = numbers == number
        head = fit_head(rows[~held_out], labels[~held_out], _PENALTY, _STEPS)
        right += int((head.predict(rows[held_out]) == labels[held_out]).sum())
    return right / len(labels)


def chosen_for_choice(labels: NDArray[np.int64], seed: int = 0) -> NDArray[np.int64]:
    """Returns the indices of the training images on which networks are compared: all, or 2,000 drawn by class."""
    if len(labels) <= _MAX_IMAGES:
        return np.arange(len(labels))
    from sklearn.model_selection import train_test_split

    chosen, _ = train_test_split(np.arange(len(labels)), train_size=_MAX_IMAGES, stratify=labels, random_state=seed)
    return np.sort(chosen)


def _fold_numbers(labels: NDArray[np.int64], groups: Sequence[str], folds: int, seed: int) -> NDArray[np.int64]:
    """Returns the number of each image's fold, from 0."""
    if groups:
        return fold_numbers(labels, tuple(groups), folds, seed)
    from sklearn.model_selection import StratifiedKFold

    numbers = np.zeros(len(labels), np.int64)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(labels)), labels)):
        numbers[held_out] = number
    return numbers
