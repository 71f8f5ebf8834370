"""Curves over all thresholds: accuracy against coverage, ROC, and precision against recall. Needs no TensorFlow."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.inference.calibration.calibration import confidence_and_correct
from kerasclf.runs.metrics import Labels, Probabilities

_POINTS = np.linspace(0, 1, 201)

Curve = NDArray[np.float64]


class AccuracyByCoverage(NamedTuple):
    """The accuracy of the most confident images, by their share of all images; arrays of shape (points,)."""

    coverage: Curve
    accuracy: Curve


class ClassCurves(NamedTuple):
    """ROC and precision-recall curves of each class against the others, on 201 points from 0 to 1.

    Args:
        points: False positive rates of the ROC curves, and recalls of the precision-recall curves.
        roc_macro: Mean true positive rate over classes.
        roc_micro: True positive rate over all pairs of image and class.
        precision_macro: Mean precision over classes.
        precision_micro: Precision over all pairs of image and class.
        auc: Areas under the ROC curves, macro and micro.
        average_precision: Average precisions, macro and micro.
        skipped: Number of classes without images or without other images, which the macro curves leave out.
    """

    points: Curve
    roc_macro: Curve
    roc_micro: Curve
    precision_macro: Curve
    precision_micro: Curve
    auc: tuple[float, float]
    average_precision: tuple[float, float]
    skipped: int


def accuracy_by_coverage(labels: Labels, probabilities: Probabilities) -> AccuracyByCoverage:
    """Returns how accurate the most confident images are, for at most 200 shares of all images.

    Images of the same confidence are answered together.

    Example:
        >>> import numpy as np
        >>> curve = accuracy_by_coverage(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
        >>> curve.coverage.tolist(), curve.accuracy.tolist()
        ([0.5, 1.0], [1.0, 0.5])
    """
    confidence, correct = confidence_and_correct(labels, probabilities)
    order = np.argsort(-confidence, kind="stable")
    images = np.arange(1, len(labels) + 1)
    last_of_equals = np.append(np.diff(confidence[order]) < 0, True)
    ends = images[last_of_equals]
    ends = ends[np.unique(np.linspace(0, len(ends) - 1, min(len(ends), 200)).round().astype(int))]
    return AccuracyByCoverage(ends / len(labels), np.cumsum(correct[order])[ends - 1] / ends)


def class_curves(labels: Labels, probabilities: Probabilities) -> ClassCurves | None:
    """Returns the ROC and precision-recall curves; None if all images are of one class."""
    is_true = labels[:, None] == np.arange(probabilities.shape[1])
    known = [label for label in range(is_true.shape[1]) if is_true[:, label].any() and not is_true[:, label].all()]
    if not known:
        return None
    of_classes = [_one_class(is_true[:, label], probabilities[:, label]) for label in known]
    true_rates, precisions, areas, averages = zip(*of_classes, strict=True)
    micro = _one_class(is_true.ravel(), probabilities.ravel())
    return ClassCurves(
        _POINTS,
        roc_macro=np.mean(true_rates, axis=0),
        roc_micro=micro[0],
        precision_macro=np.mean(precisions, axis=0),
        precision_micro=micro[1],
        auc=(float(np.mean(areas)), micro[2]),
        average_precision=(float(np.mean(averages)), micro[3]),
        skipped=is_true.shape[1] - len(known),
    )


def _one_class(is_true: NDArray[np.bool_], score: Probabilities) -> tuple[Curve, Curve, float, float]:
    """Returns true positive rates and precisions at the points, the area under ROC, and the average precision."""
    from sklearn.metrics import auc, precision_recall_curve, roc_curve  # takes a second

    false_rate, true_rate, _ = roc_curve(is_true, score)
    precision, recall, _ = precision_recall_curve(is_true, score)
    # The average precision is a sum of steps: scikit-learn's own function would sort the scores once more.
    average_precision = float(-np.sum(np.diff(recall) * precision[:-1]))
    steps = precision[np.searchsorted(-recall, -_POINTS, side="right") - 1]
    return np.interp(_POINTS, false_rate, true_rate), steps, float(auc(false_rate, true_rate)), average_precision
