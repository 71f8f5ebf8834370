"""Abstention: answers only above a confidence, so that the answers have a promised accuracy. Needs no TensorFlow."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.inference.calibration.calibration import confidence_and_correct
from kerasclf.runs.metrics import Labels, Probabilities
from kerasclf.wording import counted

# The chance that a promise holds, over validation sets.
CONFIDENCE = 0.95
# Each tested number of answers is about a tenth larger than the one before.
_STEP = 1.1


@dataclass(frozen=True)
class Abstention:
    """A threshold of confidence with its promise, or the reason why there is none.

    Args:
        accuracy: The accuracy to promise for answered images.
        threshold: An image is answered if the probability of its most probable class is above it. Infinite without a
            promise: no image is answered.
        answered: Number of validation images above the threshold.
        images: Number of validation images.
        low: Lower 95 % limit of the accuracy of what is answered; nan without a promise.
        problem: Why the accuracy cannot be promised; None if it can.
    """

    accuracy: float
    threshold: float
    answered: int
    images: int
    low: float
    problem: str | None = None

    @property
    def share(self) -> float:
        """The share of images that is answered, as estimated on validation."""
        return self.answered / self.images if self.images else 0.0

    @property
    def sentence(self) -> str:
        """The promise and the share that is answered, or why nothing can be promised."""
        if self.problem:
            return f"{self.problem} No image is answered."
        return (
            f"answers above a confidence of {self.threshold:.4f}: {self.share:.1%} of "
            f"{counted(self.images, 'validation image')}; at least {100 * self.accuracy:.4g} % of answers are correct, "
            f"with {100 * CONFIDENCE:g} % confidence, for images like these"
        )

    def answers(self, probabilities: Probabilities) -> NDArray[np.bool_]:
        """Returns which images are answered, shape (n,), from their class probabilities, shape (n, classes)."""
        return np.asarray(probabilities.max(axis=1) > self.threshold)


def choose_threshold(labels: Labels, probabilities: Probabilities, accuracy: float = 0.95) -> Abstention:
    """Chooses the lowest threshold whose answers have an accuracy of at least `accuracy`, with 95 % confidence.

    The most confident images are tested first, then more and more of them, and the first failure ends the sequence
    (fixed-sequence testing, as in "Learn then Test", Angelopoulos et al. 2021). Each test is that of Clopper and
    Pearson. So the promise is not weakened by the choice among thresholds. It assumes that new images come from where
    the validation images come from, and that accuracy does not rise again where confidence falls.

    Args:
        labels: Labels of the validation images, shape (n,).
        probabilities: Their class probabilities, shape (n, classes), of the same kind as those of new images:
            calibrated or as trained.
        accuracy: The accuracy to promise, above 0 and below 1.

    Raises:
        KerasclfError: If the accuracy is not between 0 and 1.

    Example:
        >>> import numpy as np
        >>> from kerasclf.inference.calibration import choose_threshold
        >>> confidence = np.linspace(0.99, 0.51, 100)
        >>> labels = np.repeat([0, 1], [80, 20])  # the 20 least confident images are wrong
        >>> found = choose_threshold(labels, np.stack([confidence, 1 - confidence], axis=1), accuracy=0.9)
        >>> found.answered, round(found.threshold, 3), round(found.low, 3)
        (81, 0.597, 0.943)
    """
    return threshold_of(*confidence_and_correct(labels, probabilities), accuracy)


def threshold_of(confidence: NDArray[np.float64], correct: NDArray[np.bool_], accuracy: float) -> Abstention:
    """Chooses a threshold as `choose_threshold` does, from what it needs to know of each validation image.

    Args:
        confidence: The probability of its most probable class, shape (n,).
        correct: Whether this class is the true one, shape (n,).
        accuracy: The accuracy to promise, above 0 and below 1.

    Raises:
        KerasclfError: If the accuracy is not between 0 and 1.
    """
    if not 0 < accuracy < 1:
        raise KerasclfError(f"accuracy: expected a share between 0 and 1. Received: {accuracy}.")
    order = np.argsort(-confidence, kind="stable")
    confidence, right = confidence[order], np.concatenate([[0], np.cumsum(correct[order])])
    images, needed = len(confidence), images_needed(accuracy)
    found = Abstention(accuracy, math.inf, 0, images, math.nan, _too_few(images, accuracy, needed))
    for count in _tested_counts(images, accuracy):
        threshold = float(confidence[count]) if count < images else 0.0
        answered = int((confidence > threshold).sum())  # fewer than `count` if confidences are equal
        if answered < needed:
            continue  # no number of errors would pass
        low = _lower_limit(int(right[answered]), answered)
        if low < accuracy:
            return found if found.answered else replace(found, problem=_too_wrong(right, answered, accuracy))
        found = Abstention(accuracy, threshold, answered, images, low)
    return found


def images_needed(accuracy: float, errors: int = 0) -> int:
    """Returns the fewest answered validation images, with so many errors among them, that can promise an accuracy.

    Example:
        >>> images_needed(0.95), images_needed(0.99), images_needed(0.95, errors=1)
        (59, 299, 93)
    """
    lowest, highest = errors + 1, errors + 2
    while _lower_limit(highest - errors, highest) < accuracy:
        lowest, highest = highest, 2 * highest
    while lowest < highest:
        middle = (lowest + highest) // 2
        if _lower_limit(middle - errors, middle) < accuracy:
            lowest = middle + 1
        else:
            highest = middle
    return lowest


def _tested_counts(images: int, accuracy: float) -> list[int]:
    """Returns the numbers of most confident images to test, in their order. They do not depend on the labels."""
    if images < images_needed(accuracy):
        return []
    # A sequence that starts where one error is allowed seldom ends at its start.
    fewest = min(images, images_needed(accuracy, errors=1))
    counts = [images]
    while (smaller := int(counts[-1] / _STEP)) >= fewest:
        counts.append(smaller)
    return counts[::-1]


def _lower_limit(right: int, images: int) -> float:
    """Returns the one-sided 95 % limit of Clopper and Pearson for an accuracy."""
    from scipy.stats import beta

    return float(beta.ppf(1 - CONFIDENCE, right, images - right + 1)) if right else 0.0


def _too_few(images: int, accuracy: float, needed: int) -> str:
    return (
        f"An accuracy of {accuracy:.4g} cannot be promised from {counted(images, 'validation image')}: at least "
        f"{needed:,} are needed, even if all of them are predicted correctly."
    )


def _too_wrong(right: NDArray[np.int64], answered: int, accuracy: float) -> str:
    errors = int(answered - right[answered])
    return (
        f"An accuracy of {accuracy:.4g} cannot be promised: of the {answered:,} most confident validation images, "
        f"{errors:,} {'is' if errors == 1 else 'are'} predicted wrongly. Use more validation images, or promise less."
    )
