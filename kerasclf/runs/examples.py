"""The most confident errors of a run on the test set, and the file of their thumbnails. Needs no TensorFlow."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.data.dataset import Subset
from kerasclf.errors import FolderError
from kerasclf.files.arrays import read_npz
from kerasclf.runs.metrics import Labels, Probabilities, confusion

ERRORS = 20
PAIRS = 8
IMAGES_PER_PAIR = 4
# Large enough to tell two birds apart, small enough for fifty of them on a page.
THUMBNAIL_PIXELS = 96
_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class ConfusedPair:
    """A class whose images were predicted as another class.

    Args:
        true: Label of the true class.
        predicted: Label of the predicted class.
        count: Number of images of the true class predicted as the other.
        images: Number of test images of the true class.
        examples: Positions of the most confident of these errors in the test set, the most confident first.
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
        indices: Their positions in the test set, ascending, shape (n,).
        names: Their names, shape (n,).
        images: Their pixels 0–255, uint8 of shape (n, height, width, channels), at most 96 high and wide.
    """

    indices: NDArray[np.int64]
    names: NDArray[np.str_]
    images: NDArray[np.uint8]


def most_confident_errors(labels: Labels, probabilities: Probabilities, count: int = ERRORS) -> NDArray[np.int64]:
    """Returns the positions of the errors with the highest probability of the wrong class, highest first.

    Ties are ordered by the lower probability of the true class, then by position.

    Args:
        labels: True labels, shape (n,).
        probabilities: Class probabilities, shape (n, classes).
        count: Maximum number of errors to return.
    """
    predicted = probabilities.argmax(axis=1)
    errors = np.flatnonzero(predicted != labels)
    of_predicted, of_true = probabilities[errors, predicted[errors]], probabilities[errors, labels[errors]]
    return errors[np.lexsort((of_true, -of_predicted))][:count]


def most_confused(labels: Labels, probabilities: Probabilities, pairs: int = PAIRS) -> list[ConfusedPair]:
    """Returns the pairs of classes with the most errors, most first.

    Ties are ordered by the larger share of the true class, then by the order of the classes.

    Args:
        labels: True labels, shape (n,).
        probabilities: Class probabilities, shape (n, classes).
        pairs: Maximum number of pairs to return.
    """
    counts = confusion(labels, probabilities)
    images = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    true, predicted = np.nonzero(counts)
    order = np.lexsort((images[true], -counts[true, predicted]))[:pairs]
    errors = most_confident_errors(labels, probabilities, len(labels))
    guesses = probabilities.argmax(axis=1)
    found = []
    for one, other in zip(true[order].tolist(), predicted[order].tolist(), strict=True):
        examples = errors[(labels[errors] == one) & (guesses[errors] == other)][:IMAGES_PER_PAIR]
        found.append(ConfusedPair(one, other, int(counts[one, other]), int(images[one]), examples))
    return found


def example_indices(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    """Returns the positions of the errors that a report shows: the most confident, and those of confused classes."""
    of_pairs = (pair.examples for pair in most_confused(labels, probabilities))
    return np.unique(np.concatenate([most_confident_errors(labels, probabilities), *of_pairs]))


def write_examples(path: Path, subset: Subset, probabilities: Probabilities) -> None:
    """Writes the thumbnails that a report shows: the most confident errors, and those of the most confused classes."""
    indices = example_indices(subset.labels, probabilities)
    np.savez_compressed(
        path,
        indices=indices,
        names=np.array([subset.names[i] for i in indices], np.str_),
        images=thumbnails(subset.images.read(indices)),
    )


def read_examples(path: Path) -> Examples:
    """Reads the file that `write_examples` wrote, without unpickling anything.

    Raises:
        FolderError: If the file is damaged, too large, or holds no thumbnails.
    """
    arrays = read_npz(path, _MAX_BYTES)
    try:
        found = Examples(arrays["indices"], arrays["names"], arrays["images"])
    except KeyError as error:
        raise FolderError(f"{path} cannot be read: {error} is missing.") from error
    indices, names, images = found.indices, found.names, found.images
    is_right = (
        indices.dtype.kind == "i"
        and names.dtype.kind == "U"
        and images.dtype == np.uint8
        and indices.shape == names.shape == images.shape[:1]
        and images.ndim == 4
        and all(1 <= size <= THUMBNAIL_PIXELS for size in images.shape[1:])
    )
    if not is_right:
        raise FolderError(f"{path} cannot be read: expected thumbnails with their indices and names.")
    return found


def thumbnails(images: NDArray[np.uint8], pixels: int = THUMBNAIL_PIXELS) -> NDArray[np.uint8]:
    """Returns images resized to fit a square with their proportions kept; smaller images stay as they are.

    Args:
        images: Pixels 0–255, uint8 of shape (n, height, width, channels).
        pixels: Height and width of the square.
    """
    _, height, width, channels = images.shape
    factor = min(1.0, pixels / max(height, width))
    size = max(1, round(factor * height)), max(1, round(factor * width))
    small = np.empty((len(images), *size, channels), np.uint8)
    for index, image in enumerate(images):
        for channel in range(channels):  # Pillow resizes only certain numbers of channels at once.
            grey = Image.fromarray(np.ascontiguousarray(image[:, :, channel]))
            small[index, :, :, channel] = grey.resize(size[::-1], Image.Resampling.LANCZOS)
    return small
