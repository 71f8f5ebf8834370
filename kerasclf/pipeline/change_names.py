"""Names of the random changes of images, from the numbers that the changes themselves use."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.pipeline import color
from kerasclf.pipeline.apply_augmentation import Drawn, draw_affine, draw_numbers
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.pipeline.rand_augment import OPERATIONS, RandAugment

Values = NDArray[np.float32]


def name_changes(
    augmentation: AugmentationSettings,
    seed: int,
    epoch: tf.Tensor,
    indices: tf.Tensor,
    image_shape: tuple[int, int, int],
) -> list[list[str]]:
    """Returns the changes of each image in an epoch, in the order in which they are applied.

    Changes too small to be seen, such as a rotation by less than half a degree, have no name. The result does not
    include MixUp and CutMix.

    Args:
        augmentation: The random changes.
        seed: The run's seed.
        epoch: Number of the epoch.
        indices: Indices of the images in the training set.
        image_shape: Height, width and channels.
    """
    drawn = draw_numbers(seed, epoch, indices)
    columns = _geometric(augmentation, drawn, image_shape)
    rand_augment = RandAugment.of(augmentation)
    if rand_augment is not None:
        chosen = rand_augment.draw(seed, epoch, indices).chosen.numpy()
        columns += [[_operation(OPERATIONS[number]) for number in of_round] for of_round in chosen.T]
    columns += _of_colors(augmentation, drawn)
    if augmentation.random_erasing:
        erased = drawn["erase"].numpy() < augmentation.random_erasing
        columns.append(["a rectangle erased" if one else "" for one in erased])
    return [[name for name in of_image if name] for of_image in zip(*columns, strict=True)] or [[] for _ in indices]


def _geometric(augmentation: AugmentationSettings, drawn: Drawn, image_shape: tuple[int, int, int]) -> list[list[str]]:
    """Returns one column of names for each geometric change that differs between images."""
    affine = draw_affine(augmentation, drawn, image_shape)
    # The parameters lead from an output pixel to its input pixel, so the picture moves the other way.
    names: dict[str, Callable[[float], str]] = {
        "rotation": lambda degrees: f"rotated {abs(degrees):.0f}° {'left' if degrees > 0 else 'right'}",
        "shift_x": lambda pixels: f"moved {abs(pixels):.0f} px {'left' if pixels > 0 else 'right'}",
        "shift_y": lambda pixels: f"moved {abs(pixels):.0f} px {'up' if pixels > 0 else 'down'}",
        "shear": lambda degrees: f"sheared {degrees:+.0f}°",
        "zoom_x": lambda factor: f"width {1 / factor:.0%}",
        "zoom_y": lambda factor: f"height {1 / factor:.0%}",
        "flip_x": lambda sign: "mirrored",
        "flip_y": lambda sign: "upside down",
    }
    usual = {"zoom_x": (1.0, 0.005), "zoom_y": (1.0, 0.005), "flip_x": (1.0, 0.0), "flip_y": (1.0, 0.0)}
    columns = []
    for parameter, name in names.items():
        if parameter in affine.varying():
            unchanged, unseen = usual.get(parameter, (0.0, 0.5))
            values = getattr(affine, parameter).numpy()
            columns.append([name(value) if abs(value - unchanged) > unseen else "" for value in values])
    return columns


def _of_colors(augmentation: AugmentationSettings, drawn: dict[str, Any]) -> list[list[str]]:
    columns = []
    if augmentation.channel_shift_range:
        levels = color.levels_of(augmentation, drawn["channel_shift"]).numpy()
        columns.append([f"grey levels {level:+.0f}" if abs(level) > 0.5 else "" for level in levels])
    if augmentation.brightness_range is not None:
        factors = color.factors_of(augmentation, drawn["brightness"]).numpy()
        columns.append([f"brightness {factor:.0%}" for factor in factors])
    return columns


def _operation(name: str) -> str:
    return "" if name == "identity" else f"RandAugment: {name.replace('_', ' ')}"
