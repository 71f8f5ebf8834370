"""Figures from labels and probabilities. Needs no TensorFlow."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

Labels = NDArray[np.int64]
Probabilities = NDArray[np.floating]

# Keras clips probabilities here before it takes their logarithm; so does its loss, and so does this one.
_LEAST_PROBABILITY = 1e-7


# Among so few classes, five guesses are right too often to tell anything.
_FEW_CLASSES = 10


class ClassMetrics(NamedTuple):
    """Precision, recall, F1 and number of test images of each class, arrays of shape (classes,)."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    images: NDArray[np.int64]


def metrics_of(labels: Labels, probabilities: Probabilities, subset: str = "test") -> dict[str, float]:
    """Returns a run's figures on the images of a part by name; the top-5 accuracy only of more than ten classes."""
    figures = {
        f"{subset}_accuracy": accuracy(labels, probabilities),
        f"{subset}_loss": cross_entropy(labels, probabilities),
        f"{subset}_macro_f1": macro_f1(labels, probabilities),
    }
    if probabilities.shape[1] > _FEW_CLASSES:
        figures[f"{subset}_top5_accuracy"] = top_accuracy(labels, probabilities, 5)
    return figures


def accuracy(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the share of images whose likeliest class is theirs."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def top_accuracy(labels: Labels, probabilities: Probabilities, count: int) -> float:
    """Returns the share of images whose class is among the `count` likeliest.

    Of classes that are equally likely the first counts as the likeliest, as in `accuracy`, so that a network that
    is sure of one class and gives all others 0 is not credited with them.
    """
    likeliest = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return float(np.mean((likeliest == labels[:, None]).any(axis=1)))


def cross_entropy(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean negative logarithm of the probability of the true class, in nats."""
    of_truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(of_truth.clip(_LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)).mean())


def class_metrics(labels: Labels, probabilities: Probabilities) -> ClassMetrics:
    """Returns precision, recall and F1 by class; 0 where a class was never predicted."""
    classes = np.arange(probabilities.shape[1])
    figures = precision_recall_fscore_support(labels, probabilities.argmax(axis=1), labels=classes, zero_division=0)
    return ClassMetrics(*figures)


def macro_f1(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean of the classes' F1."""
    return float(class_metrics(labels, probabilities).f1.mean())


def confusion(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    """Returns how many images of each true class (row) were taken for each class (column)."""
    classes = np.arange(probabilities.shape[1])
    return confusion_matrix(labels, probabilities.argmax(axis=1), labels=classes)  # type: ignore[no-any-return]
