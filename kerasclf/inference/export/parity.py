"""Compares the predictions of an exported model with those of the model itself. Needs no TensorFlow."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.runs.metrics import Labels, Probabilities, accuracy

_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Difference:
    """A difference of two accuracies on the same images, as shares.

    Args:
        value: Accuracy of the second model minus that of the first.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p: p-value of McNemar's exact test of the hypothesis that the difference is 0.
    """

    value: float
    low: float
    high: float
    p: float


@dataclass(frozen=True)
class Parity:
    """How far two models agree on the same images.

    Args:
        images: Number of images.
        largest: Largest absolute difference of a probability.
        changed: Number of images with another predicted class.
        accuracy: Accuracy of the first model.
        exported_accuracy: Accuracy of the second model.
        difference: The difference of the two accuracies.
    """

    images: int
    largest: float
    changed: int
    accuracy: float
    exported_accuracy: float
    difference: Difference


@dataclass(frozen=True)
class Limits:
    """The differences that an exported model may have, all of them as shares.

    Args:
        probability: The largest difference of a probability.
        accuracy: The largest loss of accuracy. A larger one counts if it is significant.
        changed: The largest share of images with another predicted class. A larger one counts if it is significant.
    """

    probability: float = 1.0
    accuracy: float = 1.0
    changed: float = 1.0

    def exceeded(self, parity: Parity) -> list[tuple[str, str]]:
        """Returns each difference beyond its limit as a part of a sentence, with the name of the limit.

        Example:
            >>> import numpy as np
            >>> from kerasclf.inference.export.parity import Limits, compare
            >>> first, second = np.array([[0.9, 0.1]]), np.array([[0.8, 0.2]])
            >>> Limits(probability=0.01).exceeded(compare(np.array([0]), first, second))
            [('probability', 'a probability differs by 0.1, and 0.01 is accepted')]
        """
        found, loss = [], -parity.difference.value
        if not parity.largest <= self.probability:
            text = f"a probability differs by {parity.largest:.3g}, and {self.probability:g} is accepted"
            found.append(("probability", text))
        if loss > self.accuracy and parity.difference.p < _SIGNIFICANT:
            p = f"McNemar's test p = {parity.difference.p:.2g}"
            text = f"the accuracy is {100 * loss:.2f} points lower ({p}), and {100 * self.accuracy:g} are accepted"
            found.append(("accuracy", text))
        if _significantly_more(parity.changed, parity.images, self.changed):
            share = f"{parity.changed:,} of {parity.images:,} images"
            text = f"{share} have another class, and {self.changed:.0%} are accepted"
            found.append(("changed", text))
        return found


def _significantly_more(count: int, images: int, share: float) -> bool:
    """Returns whether a count of images is beyond chance, had each image the given share as its probability."""
    from scipy.stats import binomtest

    return bool(count > share * images and binomtest(count, images, share, alternative="greater").pvalue < _SIGNIFICANT)


def compare(labels: Labels, first: Probabilities, second: Probabilities) -> Parity:
    """Compares the predictions of two models.

    Args:
        labels: Labels of the images, shape (n,).
        first: Class probabilities of the first model, shape (n, classes).
        second: Class probabilities of the second model, shape (n, classes). A value that is not finite is infinitely
            far away.

    Example:
        >>> import numpy as np
        >>> from kerasclf.inference.export.parity import compare
        >>> first = np.array([[0.9, 0.1], [0.6, 0.4]])
        >>> found = compare(np.array([0, 0]), first, np.array([[0.9, 0.1], [0.4, 0.6]]))
        >>> round(found.largest, 3), found.changed, found.difference.value
        (0.2, 1, -0.5)
    """
    distances = np.abs(first.astype(np.float64) - second)
    one, other = (probabilities.argmax(axis=1) for probabilities in (first, second))
    return Parity(
        images=len(labels),
        largest=float(np.where(np.isfinite(distances), distances, math.inf).max()),
        changed=int((one != other).sum()),
        accuracy=accuracy(labels, first),
        exported_accuracy=accuracy(labels, second),
        difference=accuracy_difference(one == labels, other == labels),
    )


def accuracy_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Difference:
    """Returns how much more often the second of two models is right on the same images.

    The p-value is that of McNemar's exact test. The interval is that of Agresti and Min (2005), which adds half an
    image to each cell: its width is not 0 if no image differs.

    Args:
        first: Whether the first model is right on each image, shape (n,).
        second: The same for the second model.
    """
    from scipy.stats import binomtest, norm

    lost, gained, images = int((first & ~second).sum()), int((second & ~first).sum()), len(first)
    p = float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0
    more, fewer, total = gained + 0.5, lost + 0.5, images + 2
    centre = (more - fewer) / total
    half = float(norm.ppf(0.975)) * math.sqrt(more + fewer - (more - fewer) ** 2 / total) / total
    return Difference((gained - lost) / images, max(centre - half, -1.0), min(centre + half, 1.0), p)
