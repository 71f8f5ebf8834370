"""Shortcuts: facts that should not say what an image shows, and how well each alone predicts its class."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier

from kerasclf.audit.file_facts import FileFacts
from kerasclf.data.dataset import class_counts

_FOLDS = 5
# Images in a leaf of the decision tree: fewer would be learned by heart.
_LEAF = 5
# A fact is a shortcut if it beats the largest class by this much, at the lower end of its interval.
LEAST_GAIN = 0.1


class Shortcut(NamedTuple):
    """How well a fact alone predicts the class of an image.

    Args:
        fact: The fact, such as `"file size"`.
        accuracy: Accuracy of a decision tree on held-out images, 0–1.
        low: Lower end of its 95 % interval (Wilson).
        high: Upper end.
        majority: Share of the largest class: the accuracy without any fact.
    """

    fact: str
    accuracy: float
    low: float
    high: float
    majority: float

    @property
    def is_strong(self) -> bool:
        """Whether the fact beats the largest class by far."""
        return self.low >= self.majority + LEAST_GAIN


def find_shortcuts(color: NDArray[np.float32], facts: FileFacts | None, labels: NDArray[np.int64]) -> list[Shortcut]:
    """Returns how well mean colour, file size, image size and camera alone predict the class.

    A fact that all images share is left out, and so are all facts if a class has fewer images than there are folds.

    Args:
        color: Mean of each channel, shape (n, channels).
        facts: Facts of the files; None for images without files.
        labels: Class indices, shape (n,).
    """
    known, dense, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(known) < 2 or counts.min() < _FOLDS:
        return []
    values: dict[str, NDArray[Any]] = {"mean colour": color}
    if facts is not None:
        values["file size"] = facts.bytes[:, None]
        values["image size"] = facts.sizes
        values["camera"] = _numbers(facts.cameras)
    return [_tested(fact, column, dense) for fact, column in values.items() if len(np.unique(column, axis=0)) > 1]


def _tested(fact: str, values: NDArray[Any], labels: NDArray[np.int64]) -> Shortcut:
    tree = DecisionTreeClassifier(min_samples_leaf=_LEAF, random_state=0)
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    correct = cross_val_predict(tree, values, labels, cv=folds) == labels
    interval = stats.binomtest(int(correct.sum()), len(correct)).proportion_ci(method="wilson")
    majority = class_counts(labels, int(labels.max()) + 1).max() / len(labels)
    return Shortcut(fact, float(correct.mean()), float(interval.low), float(interval.high), float(majority))


def _numbers(cameras: Sequence[str]) -> NDArray[np.int64]:
    """Returns one column per camera, 1 for the images that it took."""
    names = np.array(cameras)
    return (names[:, None] == np.unique(names)).astype(np.int64)
