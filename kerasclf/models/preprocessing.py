"""Preprocessing layers for networks with published weights."""

from collections.abc import Sequence
from typing import Literal

import keras
from keras import layers

Preprocess = Literal["imagenet", "symmetric"] | None

# Mean and standard deviation of ImageNet's red, green and blue as pixels/255, from torchvision, timm and the papers.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
# What is subtracted from red, green and blue pixels 0–255, and by what the rest is divided.
_STATISTICS = {
    "imagenet": ([255 * mean for mean in IMAGENET_MEAN], [255 * std for std in IMAGENET_STD]),
    # Of TensorFlow's EfficientNet-Lite: from -0.99 to 1, and 0 for the pixel 127, as quantised networks want it.
    "symmetric": ([127.0] * 3, [128.0] * 3),
}


def preprocess_pixels(image: keras.KerasTensor, preprocess: Preprocess) -> keras.KerasTensor:
    """Normalises RGB or grey pixels 0–255; None leaves them unchanged.

    Args:
        image: Tensor of shape (batch, height, width, 1 or 3).
        preprocess: `"imagenet"` for ImageNet's mean and deviation, `"symmetric"` for (x − 127)/128.
    """
    if preprocess is None:
        return image
    means, deviations = _STATISTICS[preprocess]
    scale = [1 / deviation for deviation in deviations]
    shift = [-mean / deviation for mean, deviation in zip(means, deviations, strict=True)]
    return rescale(in_color(image), scale, shift)


def rescale(x: keras.KerasTensor, scale: Sequence[float], shift: Sequence[float]) -> keras.KerasTensor:
    """Scales and shifts each channel in float32, as bfloat16 cannot represent pixels 0–255 exactly."""
    return layers.Rescaling(list(scale), list(shift), dtype="float32", name="preprocess")(x)


def in_color(image: keras.KerasTensor) -> keras.KerasTensor:
    """Repeats grey images as RGB; leaves RGB unchanged."""
    return layers.Concatenate(name="grey_to_color")([image] * 3) if image.shape[-1] == 1 else image


def channels_allowed(
    input_shape: tuple[int, ...], preprocess: Preprocess, own: Preprocess = "imagenet"
) -> dict[str, tuple[object, tuple]]:
    """Returns the choices for `check_sizes`: preprocessing needs RGB images, or grey ones, which are repeated.

    Args:
        input_shape: Height, width and channels.
        preprocess: The requested preprocessing.
        own: The one of the network's published weights.
    """
    choices: dict[str, tuple[object, tuple]] = {"preprocess": (preprocess, (own, None))}
    return choices | ({"channels": (input_shape[-1], (1, 3))} if preprocess else {})
