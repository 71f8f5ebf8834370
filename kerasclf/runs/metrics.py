"""The metrics of a run, and how they follow from labels and probabilities. Needs no TensorFlow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import TrainingError
from kerasclf.machine.meter import Resources
from kerasclf.training import EarlyStopping
from kerasclf.training.config import best_epoch
from kerasclf.training.listener import Row

if TYPE_CHECKING:
    import pandas as pd

Labels = NDArray[np.int64]
Probabilities = NDArray[np.floating]

# Keras' loss clips probabilities here before it takes their logarithm; so does `cross_entropy`.
_MIN_PROBABILITY = 1e-7
# With so few classes, a top-5 accuracy says little.
_FEW_CLASSES = 10


@dataclass(frozen=True)
class Outcome:
    """The facts of a finished training that its metrics need.

    Args:
        history: One row per epoch, with the column images_per_second, and val_accuracy and val_loss if there are
            validation images.
        best_epoch: The epoch, from 1, whose weights the model has.
        seconds: Wall time of all epochs, validation included.
        parameters: Number of parameters of the model.
        saved_s: Seconds of epochs that other runs have trained for this one.
    """

    history: "pd.DataFrame"
    best_epoch: int
    seconds: float
    parameters: int
    saved_s: float = 0.0


class ClassMetrics(NamedTuple):
    """Precision, recall, F1 and number of test images of each class, arrays of shape (classes,)."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    images: NDArray[np.int64]


def run_metrics(
    outcome: Outcome, labels: Labels, probabilities: Probabilities, set_name: str, resources: Resources
) -> dict[str, float]:
    """Returns the metrics of a run, which are the contents of metrics.json.

    SET is `set_name`, mostly "test". Accuracies and F1 lie between 0 and 1.

    * SET_accuracy: accuracy.
    * SET_loss: cross-entropy, in nats.
    * SET_balanced_accuracy: mean recall of the classes that have images in the set.
    * SET_macro_f1: mean F1 of the classes.
    * SET_top5_accuracy: share of images with the true class among the five most probable; with more than 10 classes.
    * validation_accuracy, validation_loss: those of the best epoch, as in the history; only with validation images.
    * earlier_SET_accuracy: that of the model that the run continued; only if it continued one. `execute` adds it.
    * mean_shift, deviation_shift: with the flaw statistics_of_all, the largest change of a channel's mean and standard
      deviation, in grey levels. `execute` adds them.
    * epochs: number of epochs trained.
    * best_epoch: the epoch, from 1, whose weights the model has.
    * images_per_second: median training speed, without the first epoch, in which TensorFlow traces the graph.
    * waiting_share: share of the training steps in which the network waited for data, from 0 to 1, likewise the median
      of the epochs after the first; missing in runs of earlier versions.
    * seconds: wall time of all epochs, validation included.
    * seconds_taken: the same without the epochs that other runs have trained for this one; only if there are any.
    * parameters: number of parameters of the model.
    * peak_memory_mb: maximum memory of the process, in 10⁶ bytes. `execute` removes it if other runs trained all of it.
    * energy_kj: energy of processor and GPUs, in kilojoules; only if the machine counts it.

    Args:
        outcome: Facts of the training.
        labels: True labels of the set, shape (n,).
        probabilities: Class probabilities of its images, shape (n, classes).
        set_name: Name of the set, a prefix of its metrics.
        resources: Memory and energy that the run took.

    Raises:
        TrainingError: If a probability or a metric is not finite.
    """
    if not np.isfinite(probabilities).all():
        raise TrainingError(
            f"The network predicts values that are not finite for the {set_name} set. Lower the learning rate."
        )
    of_set = {
        f"{set_name}_accuracy": accuracy(labels, probabilities),
        f"{set_name}_loss": cross_entropy(labels, probabilities),
        f"{set_name}_balanced_accuracy": balanced_accuracy(labels, probabilities),
        f"{set_name}_macro_f1": macro_f1(labels, probabilities),
    }
    if probabilities.shape[1] > _FEW_CLASSES:
        of_set[f"{set_name}_top5_accuracy"] = top_accuracy(labels, probabilities, 5)
    return {**of_set, **training_metrics(outcome, resources)}


def training_metrics(outcome: Outcome, resources: Resources) -> dict[str, float]:
    """Returns the metrics of `run_metrics` that need no test set.

    Args:
        outcome: Facts of the training.
        resources: Memory and energy that the run took.
    """
    history = outcome.history
    best = history.iloc[outcome.best_epoch - 1]
    # TensorFlow traces the graph in the first epoch.
    later = history.iloc[1 if len(history) > 1 else 0 :]
    waiting = {"waiting_share": float(later["waiting_share"].median())} if "waiting_share" in later else {}
    metrics = {
        **{f"validation_{name}": float(best[f"val_{name}"]) for name in ("accuracy", "loss") if f"val_{name}" in best},
        "epochs": len(history),
        "best_epoch": outcome.best_epoch,
        "images_per_second": float(later["images_per_second"].median()),
        **waiting,
        "seconds": outcome.seconds,
        "parameters": outcome.parameters,
        "peak_memory_mb": resources.peak_memory_mb,
    }
    if outcome.saved_s:
        metrics["seconds_taken"] = max(outcome.seconds - outcome.saved_s, 0.0)
    if resources.energy_kj is not None:
        metrics["energy_kj"] = resources.energy_kj
    infinite = [name for name, value in metrics.items() if not math.isfinite(value)]
    if infinite:
        raise TrainingError(f"The network has a {infinite[0]} that is not finite. Lower the learning rate.")
    return metrics


def halted_metrics(rows: Sequence[Row], early_stopping: EarlyStopping | None, phases: int = 1) -> dict[str, float]:
    """Returns the metrics of a run that was halted before its last epoch.

    The key halted is 1. The keys validation_accuracy, validation_loss, epochs, best_epoch and seconds are those of
    `run_metrics`. The best epoch is the last one, unless early stopping restores the best. A run that was halted in its
    first epoch has only epochs and seconds, which are 0.

    Args:
        rows: The history, one row per epoch.
        early_stopping: How the last phase stops early; None if it does not.
        phases: Number of phases.
    """
    if not rows:
        return {"halted": 1.0, "epochs": 0, "seconds": 0.0}
    best = rows[best_epoch(rows, early_stopping, phases) - 1]
    return {
        "halted": 1.0,
        "validation_accuracy": best["val_accuracy"],
        "validation_loss": best["val_loss"],
        "epochs": len(rows),
        "best_epoch": best["epoch"],
        "seconds": sum(row["seconds"] for row in rows),
    }


def accuracy(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the share of images whose most probable class is the true one."""
    return float(np.mean(probabilities.argmax(axis=1) == labels))


def balanced_accuracy(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean recall of the classes that have images."""
    counts, correct = np.bincount(labels), probabilities.argmax(axis=1) == labels
    recalls = np.bincount(labels, weights=correct) / np.maximum(counts, 1)
    return float(recalls[counts > 0].mean())


def top_accuracy(labels: Labels, probabilities: Probabilities, count: int) -> float:
    """Returns the share of images whose true class is among the `count` most probable classes.

    Of equally probable classes the first counts as the most probable, as in `accuracy`. A network that gives one
    class probability 1 gets no credit for all the others.
    """
    return float(np.mean(is_among_most_probable(labels, probabilities, count)))


def is_among_most_probable(labels: Labels, probabilities: Probabilities, count: int) -> NDArray[np.bool_]:
    """Returns for each image whether its true class is among the `count` most probable classes."""
    most_probable = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return np.asarray((most_probable == labels[:, None]).any(axis=1))


def cross_entropy(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean negative logarithm of the probability of the true class, in nats."""
    return float(image_losses(labels, probabilities).mean())


def image_losses(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Returns the negative logarithm of the probability of each image's true class, in nats."""
    of_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(of_true.clip(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)))


def class_metrics(labels: Labels, probabilities: Probabilities) -> ClassMetrics:
    """Returns precision, recall and F1 of each class; 0 if a class was never predicted."""
    from sklearn.metrics import precision_recall_fscore_support  # takes a second

    classes = np.arange(probabilities.shape[1])
    metrics = precision_recall_fscore_support(labels, probabilities.argmax(axis=1), labels=classes, zero_division=0)
    return ClassMetrics(*metrics)


def macro_f1(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean F1 of the classes."""
    return float(class_metrics(labels, probabilities).f1.mean())


def confusion(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    """Returns the confusion matrix: one row per true class, one column per predicted class."""
    from sklearn.metrics import confusion_matrix  # takes a second

    classes = np.arange(probabilities.shape[1])
    return confusion_matrix(labels, probabilities.argmax(axis=1), labels=classes)  # type: ignore[no-any-return]
