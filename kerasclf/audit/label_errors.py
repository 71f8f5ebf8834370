"""Probable label errors: confident learning (Northcutt et al. 2021) on a head's predictions for held-out images."""

import math
from dataclasses import dataclass
from importlib import util
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from kerasclf.data.dataset import class_counts
from kerasclf.extras import install_command
from kerasclf.log import Track, untracked
from kerasclf.transfer.linear_head import fit_head

FOLDS = 5


@dataclass(frozen=True)
class LabelErrors:
    """Images that a head predicts as another class.

    Args:
        accuracy: Accuracy of the head on held-out images.
        needed: Accuracy from which on the findings count: the head then avoids half of the errors of naming the
            largest class for every image. Below it contradicts a label too easily.
        low: Lower end of the accuracy's 95 % interval (Wilson), which is compared with it.
        images: Positions of the probable errors, the most probable first.
        predicted: Their predicted classes.
        scores: Predicted probability of the given label, 0–1; low for probable errors.
        why_not: Why label errors were not sought; empty if they were.
    """

    accuracy: float
    low: float
    needed: float
    images: NDArray[np.int64]
    predicted: NDArray[np.int64]
    scores: NDArray[np.float64]
    why_not: str = ""

    @property
    def is_reliable(self) -> bool:
        """Whether the head is accurate enough for its findings to count."""
        return not self.why_not and self.low >= self.needed


def find_label_errors(
    features: NDArray[np.float32], labels: NDArray[np.int64], units: NDArray[Any], track: Track = untracked
) -> LabelErrors:
    """Returns the images whose labels are probably wrong.

    Args:
        features: Features of the images, shape (n, features).
        labels: Class indices, shape (n,).
        units: What stays together in a fold, shape (n,): the group of each image, or a number shared by duplicates. A
            copy of an image with a wrong label would confirm it.
        track: Shows the progress.
    """
    known, counts = np.unique(labels, return_counts=True)
    if util.find_spec("cleanlab") is None:
        return _none(f"cleanlab is not installed. Install it: {install_command('audit')}.")
    if len(known) < 2 or counts.min() < FOLDS:
        return _none(f"expected at least {FOLDS} images in each of two or more classes.")
    dense = np.searchsorted(known, labels)
    try:
        probabilities = _held_out_probabilities(features, dense, units, track)
    except ValueError as error:  # a class lies in fewer groups than there are folds
        return _none(f"the groups cannot be divided into {FOLDS} folds with all classes ({error}).")
    from cleanlab.filter import find_label_issues

    order = find_label_issues(
        dense, probabilities, return_indices_ranked_by="self_confidence", filter_by="confident_learning", n_jobs=1
    )
    predicted = probabilities.argmax(axis=1)
    images = np.array([index for index in order if predicted[index] != dense[index]], np.int64)
    correct = predicted == dense
    interval = stats.binomtest(int(correct.sum()), len(correct)).proportion_ci(method="wilson")
    return LabelErrors(
        float(correct.mean()),
        float(interval.low),
        float(1 + counts.max() / len(labels)) / 2,
        images,
        known[predicted[images]],
        probabilities[images, dense[images]],
    )


def _none(why_not: str) -> LabelErrors:
    nothing = np.empty(0, np.int64)
    return LabelErrors(
        accuracy=math.nan,
        low=math.nan,
        needed=math.nan,
        images=nothing,
        predicted=nothing,
        scores=np.empty(0),
        why_not=why_not,
    )


def _held_out_probabilities(
    features: NDArray[np.float32], labels: NDArray[np.int64], units: NDArray[Any], track: Track
) -> NDArray[np.float64]:
    """Returns the probabilities of each image from a head that was fitted without it and its duplicates."""
    is_grouped = len(np.unique(units)) < len(labels)
    if is_grouped:
        folds = list(StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0).split(features, labels, units))
    else:
        folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(features, labels))
    classes = labels.max() + 1
    if any(class_counts(labels[fitted], classes).min() == 0 for fitted, _ in folds):
        raise ValueError("a fold lacks a class")
    found = np.empty((len(labels), classes))
    with track("looking for label errors", len(labels)) as advance:
        for fitted, held_out in folds:
            found[held_out] = fit_head(features[fitted], labels[fitted]).predict_proba(features[held_out])
            advance(len(held_out))
    return found
