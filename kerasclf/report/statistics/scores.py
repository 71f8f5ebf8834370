"""The scores of a run on each test image, whose mean is a metric of the run. Needs no TensorFlow."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kerasclf.runs.metrics import confusion, image_losses, is_among_most_probable

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]


def verdicts(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Returns 1 for each image whose most probable class is the true one, otherwise 0."""
    return (probabilities.argmax(axis=1) == labels).astype(np.float64)


def recall_scores(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Returns scores whose mean is the balanced accuracy, and whose variance is that within the classes.

    An image counts the more, the fewer images its class has. The score is the balanced accuracy plus n / (K·n_c) times
    the difference between its verdict and the recall of its class c, for n images of K classes.
    """
    correct, counts = verdicts(labels, probabilities), np.bincount(labels)
    recalls = np.bincount(labels, weights=correct) / np.maximum(counts, 1)
    weights = len(labels) / (np.count_nonzero(counts) * counts[labels])
    return np.asarray(recalls[counts > 0].mean() + weights * (correct - recalls[labels]))


def macro_f1_scores(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Returns the jackknife's pseudo-values of macro F1, which is no mean over images itself.

    The pseudo-value of an image is n·F − (n − 1)·F(without it). They are shifted to a mean of exactly F.
    """
    counts = confusion(labels, probabilities).astype(np.float64)
    predicted, n = probabilities.argmax(axis=1), len(labels)
    whole = _macro_f1(counts)
    without = np.full(counts.shape, np.nan)
    for true, wrong in np.argwhere(counts > 0):
        left = counts.copy()
        left[true, wrong] -= 1
        without[true, wrong] = _macro_f1(left)
    values = n * whole - (n - 1) * without[labels, predicted]
    return np.asarray(values - values.mean() + whole)


# Metric of a run → its scores on the test images.
SCORES: dict[str, Callable[[Labels, Probabilities], NDArray[np.float64]]] = {
    "test_accuracy": verdicts,
    "test_balanced_accuracy": recall_scores,
    "test_top5_accuracy": lambda labels, p: is_among_most_probable(labels, p, 5).astype(np.float64),
    "test_loss": image_losses,
    "test_macro_f1": macro_f1_scores,
}


def scores_of(metric: str, runs: Sequence[tuple[Labels, Probabilities]]) -> NDArray[np.float64]:
    """Returns the scores of several runs on the same images, shape (runs, images).

    Args:
        metric: A key of `SCORES`.
        runs: Labels and class probabilities of each run.
    """
    return np.stack([SCORES[metric](labels, probabilities) for labels, probabilities in runs])


def _macro_f1(counts: NDArray[np.float64]) -> float:
    """Returns the mean F1 over the classes of a confusion matrix; 0 for a class that is neither true nor predicted."""
    twice, sums = 2 * np.diag(counts), counts.sum(axis=0) + counts.sum(axis=1)
    return float(np.divide(twice, sums, out=np.zeros_like(sums), where=sums > 0).mean())
