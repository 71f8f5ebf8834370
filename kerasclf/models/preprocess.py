"""What published ImageNet weights expect to be done to pixels, as layers of the network."""

from typing import Any, Literal

import keras
from keras import layers

Preprocess = Literal["imagenet"] | None

# Mean and standard deviation of ImageNet's pixels divided by 255: red, green, blue.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


def preprocess_choices(
    input_shape: tuple[int, int, int], preprocess: str | None
) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Returns what `check_sizes` has to check of this: color, or grey that becomes color."""
    choices: dict[str, tuple[Any, tuple[Any, ...]]] = {"preprocess": (preprocess, ("imagenet", None))}
    if preprocess is not None:
        choices["channels"] = (input_shape[-1], (1, 3))
    return choices


def preprocess_pixels(x: keras.KerasTensor, preprocess: Preprocess) -> keras.KerasTensor:
    """Takes pixels 0–255 to what the weights were trained on; grey is repeated to three channels.

    Args:
        x: (batch, height, width, 1 or 3), or any number of channels where there is nothing to do.
        preprocess: `"imagenet"` subtracts the mean of ImageNet's pixels and divides by their deviation; None leaves
            values as they are.
    """
    if preprocess is None:
        return x
    if x.shape[-1] == 1:
        x = layers.Concatenate(name="grey_to_color")([x] * 3)
    scale = [1 / (255 * deviation) for deviation in _DEVIATION]
    shift = [-mean / deviation for mean, deviation in zip(_MEAN, _DEVIATION, strict=True)]
    # float32 under mixed precision too: bfloat16 would not tell all of 256 levels apart.
    return layers.Rescaling(scale, shift, dtype="float32", name="preprocess")(x)
