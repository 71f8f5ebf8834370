"""Calibration of class probabilities: temperature scaling, reliability, and calibration errors. Needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.runs.metrics import Labels, Probabilities

# The smallest positive float32. A smaller probability was rounded to 0, whose logarithm is infinite.
_TINY = float(np.finfo(np.float32).tiny)
_TEMPERATURES = (0.05, 20.0)
_BINS = 15
_IMAGES_PER_BIN = 20
# The bootstrap of fewer images shows too little of their variation.
_FEWEST_IMAGES = 50
_DRAWS = 1000


@dataclass(frozen=True)
class Temperature:
    """The result of temperature scaling.

    Args:
        value: The temperature. Logits are divided by it; above 1 the network was too confident.
        images: Number of images that it was fitted on.
        problem: Why it could not be fitted; the value is then 1. None otherwise.
    """

    value: float
    images: int
    problem: str | None = None


class Reliability(NamedTuple):
    """The points of a reliability diagram, arrays of shape (bins,)."""

    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    images: NDArray[np.int64]


class CalibrationError(NamedTuple):
    """The expected calibration error (ECE) with its 95 % interval over images, as shares.

    `plain` is the usual estimate, which is too high. `value` has its bias subtracted.
    """

    value: float
    low: float
    high: float
    plain: float


def fit_temperature(labels: Labels, probabilities: Probabilities) -> Temperature:
    """Fits the temperature that minimises the cross-entropy on validation images (Guo et al. 2017).

    The logarithm of probabilities serves as logits: softmax does not change with a constant that is added to them.

    Args:
        labels: Labels of the validation images, shape (n,).
        probabilities: Their class probabilities, shape (n, classes).

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 0, 1])  # three of four are right, with a confidence of 90 %
        >>> found = fit_temperature(labels, np.tile([0.9, 0.1], (4, 1)))
        >>> round(found.value, 3)
        2.0
    """
    from scipy.optimize import minimize_scalar

    images = len(labels)
    if images == 0:
        return Temperature(1.0, 0, "There are no validation images.")
    logits = _logits(probabilities)
    of_true = logits[np.arange(images), labels]
    if (of_true >= logits.max(axis=1)).all():
        # The cross-entropy falls to 0 with the temperature: there is no minimum.
        return Temperature(1.0, images, "Every validation image is predicted correctly.")
    if of_true.mean() <= logits.mean():
        # The cross-entropy is lowest for equal probabilities: the temperature would be infinite.
        return Temperature(1.0, images, "True classes are no more probable than others on the validation images.")

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(np.mean(_log_sum_exp(scaled) - of_true / np.exp(log_temperature)))

    bounds = tuple(np.log(_TEMPERATURES))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return Temperature(float(np.exp(found.x)), images)


def temper(probabilities: Probabilities, temperature: float) -> NDArray[np.float64]:
    """Returns the probabilities after the logits were divided by a temperature, shape (n, classes).

    Example:
        >>> import numpy as np
        >>> temper(np.array([[0.9, 0.1]]), 2.0)
        array([[0.75, 0.25]])
    """
    scaled = _logits(probabilities) / temperature
    return np.asarray(np.exp(scaled - _log_sum_exp(scaled)[:, None]))


def brier_score(labels: Labels, probabilities: Probabilities) -> float:
    """Returns the mean squared distance of the probabilities from 1 for the true class and 0 for others; 0 to 2."""
    of_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    return float(np.mean(squares - 2 * of_true + 1))


def reliability(labels: Labels, probabilities: Probabilities) -> Reliability:
    """Returns mean confidence and accuracy of images with similar confidence, for a reliability diagram.

    Each of up to 15 bins has as many images as the others, and 20 or more if there are so many. Equal confidences
    share a bin.

    Args:
        labels: Labels, shape (n,).
        probabilities: Class probabilities, shape (n, classes).
    """
    confidence, correct = confidence_and_correct(labels, probabilities)
    bins = _bins(confidence)
    images = np.bincount(bins)
    return Reliability(np.bincount(bins, confidence) / images, np.bincount(bins, correct) / images, images)


def calibration_error(runs: Sequence[tuple[Labels, Probabilities]], seed: int = 0) -> CalibrationError:
    """Returns the ECE, its mean over runs on the same images, with a 95 % interval from a bootstrap over images.

    The ends of the interval are nan for fewer than 50 images. See docs/explanation/probabilities.md.

    Args:
        runs: Labels, shape (n,), and class probabilities, shape (n, classes), of each run.
        seed: Seed of the bootstrap.
    """
    gaps = np.hstack([_gaps(*run) for run in runs]) / len(runs)
    sums = gaps.sum(axis=0)
    plain = float(np.abs(sums).sum())
    if len(gaps) < _FEWEST_IMAGES:
        return CalibrationError(plain, np.nan, np.nan, plain)
    draws = _resample(gaps, np.random.default_rng(seed))
    drawn = np.abs(draws).sum(axis=1)
    # The noise of the bins can raise the plain error by its own size at most (triangle inequality). A calibrated
    # network has an error of 0, which the quantiles of the bootstrap never reach.
    low = max(plain - float(np.quantile(np.abs(draws - sums).sum(axis=1), 0.975)), 0.0)
    # The plain error is too high on average, so that an upper limit of its mean is one of the true error.
    high = min(plain + float(drawn.mean() - np.quantile(drawn, 0.025)), 1.0)
    return CalibrationError(float(np.clip(2 * plain - drawn.mean(), low, high)), low, high, plain)


def confidence_and_correct(
    labels: Labels, probabilities: Probabilities
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Returns the probability of each image's most probable class, and whether this class is the true one."""
    confidence = probabilities.max(axis=1).astype(np.float64)
    return confidence, np.asarray(probabilities.argmax(axis=1) == labels)


def _gaps(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Returns accuracy minus confidence of each image in the column of its bin, divided by n: shape (n, bins)."""
    confidence, correct = confidence_and_correct(labels, probabilities)
    bins = _bins(confidence)
    gaps = np.zeros((len(labels), bins.max() + 1))
    gaps[np.arange(len(labels)), bins] = (correct - confidence) / len(labels)
    return gaps


def _resample(gaps: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Returns the sums of each column over images drawn with replacement, shape (draws, columns)."""
    images = len(gaps)
    times = (np.bincount(rng.integers(images, size=images), minlength=images) for _ in range(_DRAWS))
    return np.stack([drawn @ gaps for drawn in times])


def _bins(confidence: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns the bin of each image, numbered without gaps."""
    count = int(np.clip(len(confidence) // _IMAGES_PER_BIN, 1, _BINS))
    edges = np.quantile(confidence, np.linspace(0, 1, count + 1)[1:-1])
    return np.unique(np.searchsorted(edges, confidence, side="right"), return_inverse=True)[1]


def _logits(probabilities: Probabilities) -> NDArray[np.float64]:
    return np.asarray(np.log(np.maximum(probabilities.astype(np.float64), _TINY)))


def _log_sum_exp(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    highest = logits.max(axis=1, keepdims=True)
    return np.asarray(highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=1)))
