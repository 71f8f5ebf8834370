"""What a run got most wrong, as a page shows it."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.report.study_results import Run
from kerasclf.runs.examples import THUMBNAIL_PIXELS, most_confident_errors, most_confused

_JPEG_QUALITY = 85


@dataclass(frozen=True)
class Picture:
    """A test image that was taken for another class, with the probability that this class was given."""

    name: str
    true: str
    predicted: str
    probability: float
    jpeg: bytes


@dataclass(frozen=True)
class ConfusedClasses:
    """How many images of a class were taken for another one, out of how many, and the surest of them."""

    true: str
    predicted: str
    count: int
    images: int
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Mistakes:
    """A run's most confused classes and surest mistakes; without pictures where the run kept none."""

    seed: int
    pairs: tuple[ConfusedClasses, ...]
    most_wrong: tuple[Picture, ...]

    @property
    def pictured(self) -> bool:
        """Whether the run kept its images."""
        return bool(self.most_wrong)


def mistakes_of(run: Run) -> Mistakes:
    """Returns what a run got most wrong; no pairs and no pictures where it made no mistake."""
    names = run.class_names
    pairs = tuple(
        ConfusedClasses(names[p.true], names[p.predicted], p.count, p.images, _pictures(run, p.examples))
        for p in most_confused(run.labels, run.probabilities)
    )
    return Mistakes(run.seed, pairs, _pictures(run, most_confident_errors(run.labels, run.probabilities)))


def jpeg_of(thumbnail: NDArray[np.uint8]) -> bytes:
    """Returns a thumbnail as a JPEG: grey, or colours over white; a tiny one enlarged until one can see it."""
    height, width, channels = thumbnail.shape
    if channels == 4:
        image = Image.fromarray(thumbnail)
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    else:
        image = Image.fromarray(thumbnail if channels == 3 else np.ascontiguousarray(thumbnail[:, :, 0]))
    factor = max(1, THUMBNAIL_PIXELS // max(height, width))
    # Nearest, so that one sees the pixels that the network saw and no more.
    image = image.resize((factor * width, factor * height), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _pictures(run: Run, indices: NDArray[np.int64]) -> tuple[Picture, ...]:
    if run.examples is None:
        return ()
    places = {index: place for place, index in enumerate(run.examples.indices.tolist())}
    # A run made when others were chosen may have kept only some.
    return tuple(_picture(run, index, places[index]) for index in indices.tolist() if index in places)


def _picture(run: Run, index: int, place: int) -> Picture:
    assert run.examples is not None
    given, names = run.probabilities[index], run.class_names
    return Picture(
        name=str(run.examples.names[place]),
        true=names[run.labels[index]],
        predicted=names[given.argmax()],
        probability=float(given.max()),
        jpeg=jpeg_of(run.examples.images[place]),
    )
