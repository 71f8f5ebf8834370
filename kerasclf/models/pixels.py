"""Preprocessing layers for networks with published weights."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers

Preprocess = Literal["imagenet"] | None
PREPROCESS: tuple[Preprocess, ...] = ("imagenet", None)

# Mean and standard deviation of ImageNet's red, green and blue as pixels/255, from torchvision, timm and the papers.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def preprocess_pixels(image: keras.KerasTensor, preprocess: Preprocess) -> keras.KerasTensor:
    """Normalises RGB or grey pixels 0–255 by ImageNet's mean and deviation; None leaves them unchanged."""
    if preprocess is None:
        return image
    scale = [1 / (255 * std) for std in IMAGENET_STD]
    shift = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    return rescale(in_color(image), scale, shift)


def rescale(x: keras.KerasTensor, scale: Sequence[float], shift: Sequence[float]) -> keras.KerasTensor:
    """Scales and shifts each channel in float32, as bfloat16 cannot represent pixels 0–255 exactly."""
    return layers.Rescaling(list(scale), list(shift), dtype="float32", name="preprocess")(x)


def in_color(image: keras.KerasTensor) -> keras.KerasTensor:
    """Repeats grey images as RGB; leaves RGB unchanged."""
    return layers.Concatenate(name="grey_to_color")([image] * 3) if image.shape[-1] == 1 else image


def channels_allowed(input_shape: tuple[int, ...], preprocess: Preprocess) -> dict[str, tuple[object, tuple]]:
    """Returns the choices for `check_sizes`: preprocessing needs RGB images, or grey ones, which are repeated."""
    choices: dict[str, tuple[object, tuple]] = {"preprocess": (preprocess, PREPROCESS)}
    return choices | ({"channels": (input_shape[-1], (1, 3))} if preprocess else {})
