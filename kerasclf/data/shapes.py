"""`shapes`: a drawn stand-in for CIFAR-100:25 that needs no download.

Twenty-five classes, an outline (disc, square, triangle, cross, crescent) with a filling (plain, rimmed, striped,
checked, dotted), 500 training and 100 test images of each. Place, size, turn, colours, contrast, background,
noise, a smaller distracting shape and a covering bar are random and tell nothing of the class, so that a network
must learn form and texture, and some images cannot be told at all. Every image is a function of the seed.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from kerasclf.data.dataset import ArrayImages, Part

Floats = NDArray[np.floating]

TRAIN_PER_CLASS = 500
TEST_PER_CLASS = 100
SEED = 25
_CHUNK = 500  # images drawn at once; bounds the memory of the intermediate arrays


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


# Distance to the outline, negative inside, in units of the shape's radius.
OUTLINES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "disc": _disc,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "crescent": _crescent,
}


def _wave(x: Floats, phase: Floats) -> Floats:
    return np.clip(0.5 + 1.5 * np.sin(8.5 * x + phase), 0, 1)


# Share of the second colour, by place inside the shape, distance to the outline and a random phase.
FILLINGS: dict[str, Callable[[Floats, Floats, Floats, Floats], Floats]] = {
    "plain": lambda u, v, d, phase: np.zeros_like(u),
    "rimmed": lambda u, v, d, phase: np.clip((-0.22 - d) * 8, 0, 1),
    "striped": lambda u, v, d, phase: _wave(u, phase),
    "checked": lambda u, v, d, phase: np.abs(_wave(u, phase) - _wave(v, phase)),
    "dotted": lambda u, v, d, phase: np.clip(2.2 * np.sin(9 * u + phase) * np.sin(9 * v) - 0.2, 0, 1),
}

CLASS_NAMES = tuple(f"{filling}_{outline}" for outline in OUTLINES for filling in FILLINGS)


@lru_cache(maxsize=2)
def draw_shapes(size: tuple[int, int] = (32, 32)) -> tuple[tuple[str, ...], Part, Part]:
    """Draws the data set at an image size (height, width).

    Returns:
        Class names, 12,500 training images and 2,500 test images, uint8 RGB.
    """
    return CLASS_NAMES, _draw_part(size, TRAIN_PER_CLASS, 0), _draw_part(size, TEST_PER_CLASS, 1)


def _draw_part(size: tuple[int, int], per_class: int, part: int) -> Part:
    rng = np.random.default_rng([SEED, part])
    labels = rng.permutation(np.repeat(np.arange(len(CLASS_NAMES)), per_class))
    images = np.concatenate(
        [_draw(labels[start : start + _CHUNK], size, rng) for start in range(0, len(labels), _CHUNK)]
    )
    return Part(ArrayImages(images), labels, tuple(str(i) for i in range(len(labels))))


def _draw(labels: NDArray[np.int64], size: tuple[int, int], rng: Generator) -> NDArray[np.uint8]:
    n = len(labels)
    image = _background(n, size, rng)
    contrast = rng.uniform(0.6, 1, (n, 1, 1, 1)).astype(np.float32)
    fore = _colors(n, rng)
    second = (fore + rng.uniform(0.35, 0.65, fore.shape).astype(np.float32)) % 1  # unlike the first in every channel
    distraction = rng.integers(len(CLASS_NAMES), size=n)
    image = _paint(image, distraction, rng.uniform(0.1, 0.2, n), 0.42, contrast, _colors(n, rng), second, rng)
    image = _paint(image, labels, rng.uniform(0.6, 0.9, n), 0.1, contrast, fore, second, rng)
    image = _cover(image, rng)
    image += rng.normal(0, 1, image.shape).astype(np.float32) * rng.uniform(0, 0.08, (n, 1, 1, 1)).astype(np.float32)
    return (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _grid(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Returns x to the right and y downwards, from -1 to 1 along the shorter side."""
    height, width = size
    scale = 2 / min(height, width)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return (x - (width - 1) / 2) * scale, (y - (height - 1) / 2) * scale


def _column(values: NDArray[np.number] | NDArray[np.bool_]) -> Floats:
    return values.astype(np.float32)[:, None, None]


def _colors(n: int, rng: Generator) -> Floats:
    return rng.uniform(0, 1, (n, 1, 1, 3)).astype(np.float32)


def _background(n: int, size: tuple[int, int], rng: Generator) -> Floats:
    """A colour running into another, with faint ripples."""
    x, y = _grid(size)
    angle = _column(rng.uniform(0, 2 * np.pi, n))
    along = np.cos(angle) * x + np.sin(angle) * y
    ripple = 0.12 * np.sin(along * _column(rng.uniform(2, 14, n)) + _column(rng.uniform(0, 6, n)))
    share = (0.5 + 0.35 * along + ripple).clip(0, 1)[..., None]
    return _colors(n, rng) * share + _colors(n, rng) * (1 - share)


def _paint(
    image: Floats,
    labels: NDArray[np.int64],
    radius: NDArray[np.floating],
    spread: float,
    contrast: Floats,
    fore: Floats,
    second: Floats,
    rng: Generator,
) -> Floats:
    """Paints a shape of each label's class over each image."""
    n, size = len(image), (image.shape[1], image.shape[2])
    x, y = _grid(size)
    shift_x, shift_y = (_column(rng.normal(0, spread, n).clip(-0.7, 0.7)) for _ in range(2))
    angle, phase = _column(rng.normal(0, 0.25, n)), _column(rng.uniform(0, 2 * np.pi, n))
    # A crescent opens to either side, as most things in photographs look either way: mirroring keeps the class.
    side = _column(rng.choice([-1.0, 1.0], n))
    x, y = side * (x - shift_x) / _column(radius), (y - shift_y) / _column(radius)
    u, v = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    distance, share = np.empty_like(u), np.empty_like(u)
    for label in np.unique(labels):
        outline, filling = divmod(int(label), len(FILLINGS))
        at = labels == label
        distance[at] = list(OUTLINES.values())[outline](u[at], v[at])
        share[at] = list(FILLINGS.values())[filling](u[at], v[at], distance[at], phase[at])
    edge = _column(radius) * min(size) / 2  # pixels a radius, so that edges are one pixel soft at any size
    opacity = (0.5 - distance * edge).clip(0, 1)[..., None]
    color = fore + (second - fore) * share[..., None]
    return image + opacity * contrast * (color - image)


def _cover(image: Floats, rng: Generator) -> Floats:
    """Lays a bar of one colour over a third of the images."""
    n = len(image)
    x, y = _grid((image.shape[1], image.shape[2]))
    angle = _column(rng.uniform(0, np.pi, n))
    across = np.cos(angle) * x + np.sin(angle) * y - _column(rng.uniform(-0.6, 0.6, n))
    present = _column(rng.uniform(0, 1, n) < 0.33)
    bar = (present * (np.abs(across) < _column(rng.uniform(0.05, 0.2, n))))[..., None]
    return image + bar * (_colors(n, rng) - image)
