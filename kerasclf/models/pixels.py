"""What networks with published weights expect of pixels, as layers of the model."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers

Preprocess = Literal["imagenet"] | None
PREPROCESS: tuple[Preprocess, ...] = ("imagenet", None)

# Mean and standard deviation of ImageNet's red, green and blue, of pixels/255: torchvision's, timm's and the papers'.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def preprocess_pixels(image: keras.KerasTensor, preprocess: Preprocess) -> keras.KerasTensor:
    """Takes pixels 0–255, red first, to the values on which networks were trained on ImageNet; None leaves them."""
    if preprocess is None:
        return image
    scale = [1 / (255 * std) for std in IMAGENET_STD]
    shift = [-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)]
    return rescale(in_color(image), scale, shift)


def rescale(x: keras.KerasTensor, scale: Sequence[float], shift: Sequence[float]) -> keras.KerasTensor:
    """Scales and shifts each channel; in float32, for bfloat16 cannot hold pixels of 0–255 exactly."""
    return layers.Rescaling(list(scale), list(shift), dtype="float32", name="preprocess")(x)


def in_color(image: keras.KerasTensor) -> keras.KerasTensor:
    """Repeats grey images as red, green and blue."""
    return layers.Concatenate(name="grey_to_color")([image] * 3) if image.shape[-1] == 1 else image


def channels_allowed(input_shape: tuple[int, ...], preprocess: Preprocess) -> dict[str, tuple[object, tuple]]:
    """Returns what `check_sizes` is to check: preprocessing knows color images, and grey ones, which are repeated."""
    choices: dict[str, tuple[object, tuple]] = {"preprocess": (preprocess, PREPROCESS)}
    return choices | ({"channels": (input_shape[-1], (1, 3))} if preprocess else {})
