"""`shapes`: a synthetic replacement for CIFAR-100:25 that needs no download.

Each of the 25 classes combines an outline (disc, square, triangle, cross, crescent) with a filling (plain, rimmed,
striped, checked, dotted). A class has 500 training and 100 test images. Position, size, rotation, colours, contrast,
background, noise, a smaller distracting shape and a covering bar are random and independent of the class. A network
must learn form and texture, and some images cannot be recognised at all. Each image is a function of the seed, its set
and its number. Only the requested images are drawn.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.data.image_sources import ArrayImages

Floats = NDArray[np.floating]

TRAIN_PER_CLASS = 500
TEST_PER_CLASS = 100
SEED = 25
_CHUNK = 500  # images drawn at once; limits the memory of intermediate arrays


def _disc(u: Floats, v: Floats) -> Floats:
    return np.hypot(u, v) - 0.95


def _square(u: Floats, v: Floats) -> Floats:
    return np.maximum(np.abs(u), np.abs(v)) - 0.8


def _triangle(u: Floats, v: Floats) -> Floats:
    sides = 0.866 * np.abs(u) - 0.5 * v
    return np.maximum(sides, v) - 0.52


def _cross(u: Floats, v: Floats) -> Floats:
    arm = np.minimum(np.abs(u), np.abs(v)) - 0.34
    return np.maximum(arm, np.maximum(np.abs(u), np.abs(v)) - 0.95)


def _crescent(u: Floats, v: Floats) -> Floats:
    return np.maximum(np.hypot(u, v) - 1.0, 0.72 - np.hypot(u - 0.55, v))


# (u, v) → distance to the outline, negative inside, in units of the shape's radius.
OUTLINES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "crescent": _crescent,
}


def _wave(x: Floats, phase: Floats) -> Floats:
    return np.clip(0.5 + 1.5 * np.sin(8.5 * x + phase), 0, 1)


# (u, v, distance to the outline, random phase) → share of the second colour.
FILLINGS: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    "plain": lambda u, v, d, phase: np.zeros_like(u),
    "rimmed": lambda u, v, d, phase: np.clip((-0.22 - d) * 8, 0, 1),
    "striped": lambda u, v, d, phase: _wave(u, phase),
    "checked": lambda u, v, d, phase: np.abs(_wave(u, phase) - _wave(v, phase)),
    "dotted": lambda u, v, d, phase: np.clip(2.2 * np.sin(9 * u + phase) * np.sin(9 * v) - 0.2, 0, 1),
}

CLASS_NAMES = tuple(f"{filling}_{outline}" for outline in OUTLINES for filling in FILLINGS)


@dataclass(frozen=True)
class Scenes:
    """Images that are not drawn yet.

    Args:
        subset: 0 for the training set, 1 for the test set.
        labels: Class indices, int64 of shape (n,).
        numbers: Each image's number in its set, int64 of shape (n,).
    """

    subset: int
    labels: NDArray[np.int64]
    numbers: NDArray[np.int64]
    groups: ClassVar[tuple[str, ...]] = ()

    def take(self, indices: NDArray[np.int64]) -> "Scenes":
        """Returns only the scenes at `indices`."""
        return Scenes(self.subset, self.labels[indices], self.numbers[indices])

    def draw(self, size: tuple[int, int]) -> Subset:
        """Draws the images, uint8 of shape (n, height, width, 3).

        Args:
            size: Height and width, in pixels.
        """
        images = _draw_images(self.subset, self.numbers.tobytes(), size)
        return Subset(ArrayImages(images), self.labels, tuple(map(str, self.numbers)))


def scenes() -> dict[str, Scenes]:
    """Returns the scenes of 12,500 training and 2,500 test images."""
    return {"train": _scenes(0), "test": _scenes(1)}


def _scenes(subset: int) -> Scenes:
    every_label = np.repeat(np.arange(len(CLASS_NAMES)), (TRAIN_PER_CLASS, TEST_PER_CLASS)[subset])
    labels = np.random.default_rng([SEED, subset]).permutation(every_label)
    return Scenes(subset, labels, np.arange(len(labels)))


class _ImageGenerators:
    """One random generator per image. An image's numbers are independent of the other images."""

    def __init__(self, seeds: Iterable[tuple[int, ...]]) -> None:
        self._generators = [np.random.default_rng(seed) for seed in seeds]

    def uniform(self, low: float, high: float, shape: tuple[int, ...] = ()) -> Floats:
        return np.stack([one.uniform(low, high, shape) for one in self._generators]).astype(np.float32)

    def normal(self, deviation: float, shape: tuple[int, ...] = ()) -> Floats:
        return np.stack([one.standard_normal(shape, np.float32) for one in self._generators]) * np.float32(deviation)

    def integers(self, end: int) -> NDArray[np.int64]:
        return np.array([one.integers(end) for one in self._generators])


@lru_cache(maxsize=3)  # the three sets of one data set, for the runs of a study in one process
def _draw_images(subset: int, numbers: bytes, size: tuple[int, int]) -> NDArray[np.uint8]:
    indices, labels = np.frombuffer(numbers, np.int64), _scenes(subset).labels
    chunks = [indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK)]
    images = np.concatenate(
        [
            _draw_chunk(labels[chunk], size, _ImageGenerators((SEED, subset, int(number)) for number in chunk))
            for chunk in chunks
        ]
    )
    images.setflags(write=False)  # the cache returns the same array to every caller
    return images


def _draw_chunk(labels: NDArray[np.int64], size: tuple[int, int], rng: _ImageGenerators) -> NDArray[np.uint8]:
    image = _background(size, rng)
    contrast = rng.uniform(0.6, 1, (1, 1, 1))
    fore = _colors(rng)
    second = (fore + rng.uniform(0.35, 0.65, (1, 1, 3))) % 1  # differs from the first in every channel
    distraction = rng.integers(len(CLASS_NAMES))
    image = _paint(
        image,
        distraction,
        radius=rng.uniform(0.1, 0.2),
        spread=0.42,
        contrast=contrast,
        fore=_colors(rng),
        second=second,
        rng=rng,
    )
    image = _paint(
        image, labels, radius=rng.uniform(0.6, 0.9), spread=0.1, contrast=contrast, fore=fore, second=second, rng=rng
    )
    image = _cover(image, rng)
    image += rng.normal(1, image.shape[1:]) * rng.uniform(0, 0.08, (1, 1, 1))
    return (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _grid(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Returns coordinates x to the right and y downwards, from -1 to 1 along the shorter side."""
    height, width = size
    scale = 2 / min(height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (x - (width - 1) / 2) * scale, (y - (height - 1) / 2) * scale


def _column(values: NDArray[np.number] | NDArray[np.bool_]) -> Floats:
    return values.astype(np.float32)[:, None, None]


def _colors(rng: _ImageGenerators) -> Floats:
    return rng.uniform(0, 1, (1, 1, 3))


def _background(size: tuple[int, int], rng: _ImageGenerators) -> Floats:
    """Draws a gradient between two colours, with faint ripples."""
    x, y = _grid(size)
    angle = _column(rng.uniform(0, 2 * np.pi))
    along = np.cos(angle) * x + np.sin(angle) * y
    ripple = 0.12 * np.sin(along * _column(rng.uniform(2, 14)) + _column(rng.uniform(0, 6)))
    share = (0.5 + 0.35 * along + ripple).clip(0, 1)[..., None]
    return _colors(rng) * share + _colors(rng) * (1 - share)


def _paint(
    image: Floats,
    labels: NDArray[np.int64],
    radius: NDArray[np.floating],
    spread: float,
    contrast: Floats,
    fore: Floats,
    second: Floats,
    rng: _ImageGenerators,
) -> Floats:
    """Paints over each image the shape of its label's class."""
    size = (image.shape[1], image.shape[2])
    x, y = _grid(size)
    shift_x, shift_y = (_column(rng.normal(spread).clip(-0.7, 0.7)) for _ in range(2))
    angle, phase = _column(rng.normal(0.25)), _column(rng.uniform(0, 2 * np.pi))
    # A crescent opens to either side, so mirroring keeps the class, as for most objects in photographs.
    side = _column(rng.integers(2) * 2 - 1)
    x, y = side * (x - shift_x) / _column(radius), (y - shift_y) / _column(radius)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    distance, share = np.empty_like(u), np.empty_like(u)
    for label in np.unique(labels):
        outline, filling = divmod(int(label), len(FILLINGS))
        chosen = labels == label
        distance[chosen] = list(OUTLINES.values())[outline](u[chosen], v[chosen])
        share[chosen] = list(FILLINGS.values())[filling](u[chosen], v[chosen], distance[chosen], phase[chosen])
    edge = _column(radius) * min(size) / 2  # radius in pixels: edges are one pixel soft at any size
    opacity = (0.5 - distance * edge).clip(0, 1)[..., None]
    color = fore + (second - fore) * share[..., None]
    return image + opacity * contrast * (color - image)


def _cover(image: Floats, rng: _ImageGenerators) -> Floats:
    """Lays a bar of one colour over a third of the images."""
    x, y = _grid((image.shape[1], image.shape[2]))
    angle = _column(rng.uniform(0, np.pi))
    across = np.cos(angle) * x + np.sin(angle) * y - _column(rng.uniform(-0.6, 0.6))
    present = _column(rng.uniform(0, 1) < 0.33)
    bar = (present * (np.abs(across) < _column(rng.uniform(0.05, 0.2))))[..., None]
    return image + bar * (_colors(rng) - image)
