"""Six corruptions of photographs in five strengths, after ImageNet-C (Hendrycks & Dietterich 2019). No TensorFlow.

An image and a seed decide everything random in its corruption, whatever batch the image is in and whichever machine
computes it. All strengths of a corruption share the random numbers, so that a stronger one is never an easier draw.
"""

import io
import zlib
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from kerasclf.errors import unknown

STRENGTHS = (1, 2, 3, 4, 5)

# Severity of each strength. docs/evaluate.md describes the units.
SEVERITIES: dict[str, tuple[float, ...]] = {
    "noise": (0.04, 0.06, 0.08, 0.12, 0.18),  # standard deviation, as a share of the range of pixels
    "blur": (1.0, 2.0, 3.0, 4.0, 6.0),  # standard deviation in pixels of an image whose shorter side has 224 pixels
    "jpeg": (25, 18, 15, 10, 7),  # quality
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),  # added, as a share of the range of pixels
    "contrast": (0.6, 0.5, 0.4, 0.3, 0.2),  # factor of the distance from the mean grey level
    "occlusion": (0.05, 0.1, 0.2, 0.3, 0.4),  # share of the area
}
CORRUPTIONS = tuple(SEVERITIES)
_FULL_SIDE = 224
_GREY = 127

Pixels = NDArray[np.uint8]


def corrupt(image: Pixels, corruption: str, strength: int, seed: int = 0) -> Pixels:
    """Returns a corrupted copy of an image.

    Args:
        image: Pixels 0–255, uint8 of shape (height, width, channels), with 1 or 3 channels.
        corruption: One of the `CORRUPTIONS`.
        strength: 1 to 5.
        seed: Seed of noise and of the place of an occlusion.

    Example:
        >>> import numpy as np
        >>> grey = np.full((8, 8, 1), 100, np.uint8)
        >>> int(corrupt(grey, "brightness", 1)[0, 0, 0])  # a tenth of 255 more
        126
    """
    if corruption not in SEVERITIES:
        raise ValueError(unknown("corruption", corruption, CORRUPTIONS))
    if strength not in STRENGTHS:
        raise ValueError(f"strength: expected 1 to 5. Received: {strength}.")
    rng = np.random.default_rng([seed, CORRUPTIONS.index(corruption), zlib.crc32(image.tobytes())])
    return _CHANGES[corruption](image, SEVERITIES[corruption][strength - 1], rng)


def _noise(image: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    return _as_pixels(image + 255 * deviation * rng.standard_normal(image.shape))


def _blur(image: Pixels, deviation: float, rng: np.random.Generator) -> Pixels:
    radius = deviation * min(image.shape[:2]) / _FULL_SIDE
    return _from_picture(_picture(image).filter(ImageFilter.GaussianBlur(radius)), image)


def _jpeg(image: Pixels, quality: float, rng: np.random.Generator) -> Pixels:
    buffer = io.BytesIO()
    _picture(image).save(buffer, "JPEG", quality=int(quality))
    return _from_picture(Image.open(buffer), image)


def _brightness(image: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    return _as_pixels(image + 255 * share)


def _contrast(image: Pixels, factor: float, rng: np.random.Generator) -> Pixels:
    return _from_picture(ImageEnhance.Contrast(_picture(image)).enhance(factor), image)


def _occlusion(image: Pixels, share: float, rng: np.random.Generator) -> Pixels:
    """Covers a rectangle of the image's proportions with grey. Its place is the same share of the room it has."""
    height, width = (max(1, round(side * share**0.5)) for side in image.shape[:2])
    down, right = rng.random(2)
    top, left = round(down * (image.shape[0] - height)), round(right * (image.shape[1] - width))
    result = image.copy()
    result[top : top + height, left : left + width] = _GREY
    return result


_CHANGES: dict[str, Callable[[Pixels, float, np.random.Generator], Pixels]] = {
    "noise": _noise,
    "blur": _blur,
    "jpeg": _jpeg,
    "brightness": _brightness,
    "contrast": _contrast,
    "occlusion": _occlusion,
}


def _as_pixels(values: NDArray[np.floating]) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _picture(image: Pixels) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[:, :, 0] if image.shape[2] == 1 else image))


def _from_picture(picture: Image.Image, image: Pixels) -> Pixels:
    """Returns the pixels of a picture in the shape of an image."""
    return np.asarray(picture, np.uint8).reshape(image.shape)
