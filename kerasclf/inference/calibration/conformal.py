"""Conformal prediction: sets of classes that contain the true one as often as promised. Needs no TensorFlow."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.runs.metrics import Labels, Probabilities
from kerasclf.wording import counted


@dataclass(frozen=True)
class PredictionSets:
    """A rule that gives each image a set of classes.

    Args:
        coverage: Promised share of images whose set contains their true class.
        least: Smallest probability with which each class enters a set, shape (classes,). All classes have the same
            one unless the promise holds for each class.
        problem: Which sets are trivial, because there are too few validation images; None otherwise.
    """

    coverage: float
    least: NDArray[np.float64]
    problem: str | None = None

    @property
    def sentence(self) -> str:
        """The promise, or which sets are trivial because nothing can be promised."""
        each = " of each class" if len(set(self.least.tolist())) > 1 else ""
        promise = f"sets contain the true class of {100 * self.coverage:.4g} % of images{each}, on average"
        return self.problem or f"{promise}, for images like the validation images"

    def sets(self, probabilities: Probabilities) -> NDArray[np.bool_]:
        """Returns which classes are in the set of each image, shape (n, classes).

        The most probable class is always in the set: an empty set would tell nothing.

        Args:
            probabilities: Class probabilities of the images, shape (n, classes).
        """
        inside = probabilities >= self.least
        inside[np.arange(len(probabilities)), probabilities.argmax(axis=1)] = True
        return np.asarray(inside)


def conformal_sets(
    labels: Labels, probabilities: Probabilities, coverage: float = 0.95, by_class: bool = False
) -> PredictionSets:
    """Fits split conformal prediction sets on validation images (Vovk et al. 2005, Sadinle et al. 2019).

    New images from where the validation images come from have their true class in the set with a probability of at
    least `coverage`. This is an average over images and validation sets.

    Args:
        labels: Labels of the validation images, shape (n,).
        probabilities: Their class probabilities, shape (n, classes), of the same kind as those of new images.
        coverage: The promised share, above 0 and below 1.
        by_class: Whether to keep the promise for the images of each class, not only for all images together. It
            needs as many validation images of each class as are needed of all classes otherwise.

    Raises:
        KerasclfError: If the coverage is not between 0 and 1.

    Example:
        >>> import numpy as np
        >>> from kerasclf.inference.calibration import conformal_sets
        >>> p = np.linspace(0.99, 0.6, 39)
        >>> rule = conformal_sets(np.zeros(39, int), np.stack([p, 1 - p], axis=1))
        >>> float(rule.least[0].round(3))  # the 38th highest of 39
        0.61
        >>> rule.sets(np.array([[0.95, 0.05], [0.55, 0.45]]))
        array([[ True, False],
               [ True, False]])
    """
    of_true = probabilities[np.arange(len(labels)), labels]
    return sets_of(labels, of_true, probabilities.shape[1], coverage, by_class)


def sets_of(
    labels: Labels, of_true: Probabilities, classes: int, coverage: float, by_class: bool = False
) -> PredictionSets:
    """Fits prediction sets as `conformal_sets` does, from what it needs to know of each validation image.

    Args:
        labels: Its label, shape (n,).
        of_true: The probability of its true class, shape (n,).
        classes: Number of classes.
        coverage: The promised share, above 0 and below 1.
        by_class: Whether to keep the promise for the images of each class.

    Raises:
        KerasclfError: If the coverage is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise KerasclfError(f"coverage: expected a share between 0 and 1. Received: {coverage}.")
    if not by_class:
        least = np.full(classes, _least(of_true, coverage))
        return PredictionSets(coverage, least, _too_few(len(labels), coverage))
    least = np.array([_least(of_true[labels == label], coverage) for label in range(classes)])
    return PredictionSets(coverage, least, _too_few_of_classes(np.bincount(labels, minlength=classes), coverage))


def fewest_images(coverage: float) -> int:
    """Returns the fewest validation images for sets that do not contain every class.

    Example:
        >>> fewest_images(0.95), fewest_images(0.9)
        (19, 9)
    """
    return math.ceil(round(coverage / (1 - coverage), 9))


def _least(of_true: Probabilities, coverage: float) -> float:
    """Returns the probability that so many images have for their true class, with the correction for finite samples."""
    rank = math.ceil(round((len(of_true) + 1) * coverage, 9))  # 0.95 · 20 is 19, not a little more
    return float(np.sort(of_true)[::-1][rank - 1]) if rank <= len(of_true) else 0.0


def _too_few(images: int, coverage: float) -> str | None:
    if images >= fewest_images(coverage):
        return None
    return (
        f"{counted(images, 'validation image')} cannot promise a coverage of {coverage:.4g} with fewer than all "
        f"classes in each set: at least {fewest_images(coverage):,} are needed."
    )


def _too_few_of_classes(counts: NDArray[np.int64], coverage: float) -> str | None:
    few = int((counts < fewest_images(coverage)).sum())
    if not few:
        return None
    return (
        f"Of {counted(len(counts), 'class')}, {few:,} {'is' if few == 1 else 'are'} in every set: a coverage of "
        f"{coverage:.4g} by class needs at least {fewest_images(coverage):,} validation images of each."
    )
