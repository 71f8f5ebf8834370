"""`EvaluatedModel`: the predictions of one model on labelled images, and what follows from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.report.statistics.intervals import Interval
from kerasclf.report.statistics.random_effects import Sample, summarise_scores
from kerasclf.runs.examples import Examples
from kerasclf.runs.metrics import accuracy, balanced_accuracy, class_metrics, cross_entropy, top_accuracy

Labels = NDArray[np.int64]
Probabilities = NDArray[np.floating]

# With so few classes, a top-5 accuracy says little.
_FEW_CLASSES = 10
ENSEMBLE = "ensemble"


@dataclass(frozen=True)
class EvaluatedModel:
    """The predictions of one model, or of an ensemble, on the images of an evaluation.

    Args:
        name: Its name in tables.
        source: Its file, or those of the ensemble.
        probabilities: Class probabilities, shape (n, classes).
        averaged: Their mean over several views of each image; None without test-time augmentation.
        right: Whether the class of each corrupted image is found, shape (n, 30); None without corruptions.
        own_test: Labels and probabilities of the test images of its own run; None if they are unknown.
        validation: The same of its validation images.
        validation_accuracy: Accuracy on its validation images; nan if it is unknown.
        seen: Number of images that were in each set of its own run; None if that is unknown.
        examples: Thumbnails of its most confident errors.
    """

    name: str
    source: str
    probabilities: Probabilities
    averaged: Probabilities | None = None
    right: NDArray[np.bool_] | None = None
    own_test: tuple[Labels, NDArray[np.float64]] | None = None
    validation: tuple[Labels, NDArray[np.float64]] | None = None
    validation_accuracy: float = np.nan
    seen: Mapping[str, int] | None = None
    examples: Examples | None = None

    @property
    def is_independent(self) -> bool:
        """Whether none of its own test images is known to be evaluated again."""
        return not (self.seen or {}).get("test")


def metrics_of(labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    """Returns the metrics of predictions, by the names that they have in metrics.json."""
    found = class_metrics(labels, probabilities)
    metrics = {
        "test_accuracy": accuracy(labels, probabilities),
        "test_balanced_accuracy": balanced_accuracy(labels, probabilities),
        "test_loss": cross_entropy(labels, probabilities),
        # A class without images has no F1.
        "test_macro_f1": float(found.f1[found.images > 0].mean()),
    }
    if probabilities.shape[1] > _FEW_CLASSES:
        metrics["test_top5_accuracy"] = top_accuracy(labels, probabilities, 5)
    return metrics


def correct_of(labels: Labels, probabilities: Probabilities) -> NDArray[np.bool_]:
    """Returns whether the prediction of each image is correct."""
    return np.asarray(probabilities.argmax(axis=1) == labels)


def sample_of(labels: Labels, probabilities: Probabilities) -> Sample:
    """Returns the verdicts on the images, for intervals of one network."""
    return sample(correct_of(labels, probabilities))


def sample(correct: NDArray[np.bool_]) -> Sample:
    """Returns verdicts of one network, for intervals."""
    return summarise_scores(correct.astype(np.float64)[None])


def within_shares(difference: Interval) -> Interval:
    """Returns a difference of shares whose interval lies within −1 and 1."""
    return difference._replace(low=max(difference.low, -1.0), high=min(difference.high, 1.0))


def ensemble_of(models: Sequence[EvaluatedModel]) -> EvaluatedModel:
    """Returns the ensemble of models, whose probabilities are the mean of theirs."""
    views = [model.averaged for model in models if model.averaged is not None]
    return EvaluatedModel(
        ENSEMBLE,
        ", ".join(model.source for model in models),
        np.mean([model.probabilities for model in models], axis=0),
        np.mean(views, axis=0) if views else None,
    )
