"""The test images that a run got most wrong: which they are, and the file that keeps them small.

Needs no TensorFlow.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.data.dataset import Subset
from kerasclf.runs.metrics import Labels, Probabilities, confusion

MOST_WRONG = 20
PAIRS = 8
IMAGES_A_PAIR = 4
# Large enough to tell two birds apart, small enough for fifty of them on a page.
THUMBNAIL_PIXELS = 96


@dataclass(frozen=True)
class Confused:
    """Two classes, of which one was taken for the other.

    Args:
        true: Label of the images' class.
        predicted: Label of the class they were taken for.
        count: How many images were.
        images: How many the true class has.
        examples: Positions of the surest of these mistakes in the test part, the surest first.
    """

    true: int
    predicted: int
    count: int
    images: int
    examples: NDArray[np.int64]


@dataclass(frozen=True)
class Examples:
    """Thumbnails of test images.

    Args:
        indices: Their positions in the test part, ascending, shape (n,).
        names: Their names, shape (n,).
        images: Their pixels 0–255, uint8 of shape (n, height, width, channels), at most 96 high and wide.
    """

    indices: NDArray[np.int64]
    names: NDArray[np.str_]
    images: NDArray[np.uint8]


def most_wrong(labels: Labels, probabilities: Probabilities, count: int = MOST_WRONG) -> NDArray[np.int64]:
    """Returns the positions of the surest mistakes: those that gave a wrong class the most, the surest first.

    Of equals the one that left the true class less comes first, then the earlier one.
    """
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    given, left = probabilities[wrong, predicted[wrong]], probabilities[wrong, labels[wrong]]
    return wrong[np.lexsort((left, -given))][:count]


def most_confused(labels: Labels, probabilities: Probabilities, pairs: int = PAIRS) -> list[Confused]:
    """Returns the pairs of classes of which most images of the one were taken for the other, most first.

    Of equal counts the larger share of the true class comes first, then the classes' own order.
    """
    counts = confusion(labels, probabilities)
    images = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    true, predicted = np.nonzero(counts)
    order = np.lexsort((images[true], -counts[true, predicted]))[:pairs]
    surest = most_wrong(labels, probabilities, len(labels))
    guesses = probabilities.argmax(axis=1)
    found = []
    for one, other in zip(true[order].tolist(), predicted[order].tolist(), strict=True):
        examples = surest[(labels[surest] == one) & (guesses[surest] == other)][:IMAGES_A_PAIR]
        found.append(Confused(one, other, int(counts[one, other]), int(images[one]), examples))
    return found


def write_examples(path: Path, subset: Subset, probabilities: Probabilities) -> None:
    """Writes thumbnails of the images that a report shows of a run: its surest mistakes and its confused classes."""
    labels = subset.labels
    chosen = [most_wrong(labels, probabilities), *(pair.examples for pair in most_confused(labels, probabilities))]
    indices = np.unique(np.concatenate(chosen))
    np.savez_compressed(
        path,
        indices=indices,
        names=np.array([subset.names[i] for i in indices], np.str_),
        images=thumbnails(subset.images.read(indices)),
    )


def read_examples(path: Path) -> Examples:
    """Reads what `write_examples` wrote; nothing in it is unpickled."""
    with np.load(path, allow_pickle=False) as file:
        return Examples(file["indices"], file["names"], file["images"])


def thumbnails(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns images made to fit 96×96 pixels, their proportions kept; smaller ones stay as they are."""
    _, height, width, channels = images.shape
    factor = min(1.0, THUMBNAIL_PIXELS / max(height, width))
    size = max(1, round(factor * height)), max(1, round(factor * width))
    small = np.empty((len(images), *size, channels), np.uint8)
    for place, image in enumerate(images):
        for channel in range(channels):  # one by one, so that any number of channels will do
            grey = Image.fromarray(np.ascontiguousarray(image[:, :, channel]))
            small[place, :, :, channel] = grey.resize(size[::-1], Image.Resampling.LANCZOS)
    return small
