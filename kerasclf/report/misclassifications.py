"""The most confused classes and the most confident errors of a run, for a page."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.report.finished_run import Run
from kerasclf.runs.examples import THUMBNAIL_PIXELS, most_confident_errors, most_confused

_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """A misclassified test image, with the probability of the predicted class."""

    name: str
    true: str
    predicted: str
    probability: float
    jpeg: bytes


@dataclass(frozen=True)
class ConfusedClasses:
    """How many of a class's images were predicted as another class, with pictures of the most confident errors.

    Args:
        true: Name of the true class.
        predicted: Name of the predicted class.
        count: Number of images of the true class predicted as the other.
        images: Number of test images of the true class.
        pictures: The most confident of these errors, the most confident first.
    """

    true: str
    predicted: str
    count: int
    images: int
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Mistakes:
    """The most confused classes and the most confident errors of a run; without pictures if the run stored none."""

    seed: int
    pairs: tuple[ConfusedClasses, ...]
    most_confident: tuple[Picture, ...]

    @property
    def has_pictures(self) -> bool:
        """Whether the run stored its misclassified images."""
        return bool(self.most_confident)


def mistakes_of(run: Run) -> Mistakes:
    """Returns the most confused classes and most confident errors of a run; none if every prediction is correct."""
    names = run.class_names
    pairs = tuple(
        ConfusedClasses(names[p.true], names[p.predicted], p.count, p.images, _pictures(run, p.examples))
        for p in most_confused(run.labels, run.probabilities)
    )
    return Mistakes(run.seed, pairs, _pictures(run, most_confident_errors(run.labels, run.probabilities)))


def jpeg_of(thumbnail: NDArray[np.uint8]) -> bytes:
    """Returns a thumbnail as a JPEG, in grey or in colours on white; a tiny one is enlarged.

    Args:
        thumbnail: Pixels 0–255 of shape (height, width, channels).
    """
    buffer = io.BytesIO()
    enlarged_thumbnail(thumbnail).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def enlarged_thumbnail(thumbnail: NDArray[np.uint8]) -> Image.Image:
    """Returns a thumbnail in grey or in colours on white; a tiny one is enlarged.

    Args:
        thumbnail: Pixels 0–255 of shape (height, width, channels).
    """
    height, width, channels = thumbnail.shape
    if channels == 4:
        image = Image.fromarray(thumbnail)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    else:
        image = Image.fromarray(thumbnail if channels == 3 else np.ascontiguousarray(thumbnail[:, :, 0]))
    factor = max(1, THUMBNAIL_PIXELS // max(height, width))
    # Nearest-neighbour resizing shows exactly the pixels that the network received.
    return image.resize((factor * width, factor * height), Image.Resampling.NEAREST)


def _pictures(run: Run, indices: NDArray[np.int64]) -> tuple[Picture, ...]:
    if run.examples is None:
        return ()
    positions = {index: position for position, index in enumerate(run.examples.indices.tolist())}
    # A run of an older version may have stored a different selection of images.
    return tuple(_picture(run, index, positions[index]) for index in indices.tolist() if index in positions)


def _picture(run: Run, index: int, position: int) -> Picture:
    assert run.examples is not None
    probabilities, names = run.probabilities[index], run.class_names
    return Picture(
        name=str(run.examples.names[position]),
        true=names[run.labels[index]],
        predicted=names[probabilities.argmax()],
        probability=float(probabilities.max()),
        jpeg=jpeg_of(run.examples.images[position]),
    )
