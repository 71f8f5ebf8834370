"""`Imbalance`: classes of unequal size among the images of a report, on which accuracy says little."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# A report leads with balanced accuracy and macro F1 if the largest class has more than this many times the images of
# the smallest.
FACTOR = 3


@dataclass(frozen=True)
class Imbalance:
    """The largest and the smallest class among the images that a report is about.

    Args:
        largest: Name of the largest class.
        most: Its number of images.
        smallest: Name of the smallest class that has images.
        fewest: Its number of images.
        images: Number of all images.
        classes: Number of classes that have images.
    """

    largest: str
    most: int
    smallest: str
    fewest: int
    images: int
    classes: int

    @property
    def note(self) -> str:
        """Why the report leads with balanced accuracy, and what a constant prediction reaches, in sentences."""
        return (
            f"Balanced accuracy and macro F1 come first, because {self.largest} has {self.most / self.fewest:.3g} "
            f"times as many test images as {self.smallest} ({self.most:,} and {self.fewest:,}). Predicting "
            f"{self.largest} for every image has an accuracy of {self.most / self.images:.1%} and a balanced accuracy "
            f"of {1 / self.classes:.1%}."
        )


def imbalance_of(labels: NDArray[np.int64], class_names: Sequence[str]) -> Imbalance | None:
    """Returns the imbalance of images; None if no class has more than three times the images of another.

    Args:
        labels: Class of each image. A class without images is left out.
        class_names: Names of the classes.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    present = np.flatnonzero(counts)
    largest, smallest = (int(present[choose(counts[present])]) for choose in (np.argmax, np.argmin))
    most, fewest = int(counts[largest]), int(counts[smallest])
    if most <= FACTOR * fewest:
        return None
    return Imbalance(class_names[largest], most, class_names[smallest], fewest, len(labels), len(present))
