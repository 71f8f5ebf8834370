"""RandAugment (Cubuk et al. 2019, https://arxiv.org/abs/1909.13719) with separate operations for each image.

Keras' layer chooses one operation for a whole batch, from a generator with a state. Here each image has its own
operations. The geometric ones of all rounds join the affine transform of the pipeline. The colour operations follow,
computed by Keras' layers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import keras
import tensorflow as tf

from kerasclf.pipeline import draws
from kerasclf.pipeline.affine import Affine
from kerasclf.pipeline.augmentation_settings import AugmentationSettings

# Maximum rotation in degrees, shear in degrees (a slope of 0.3) and shift as a share of the side, at magnitude 1.
_MAX_ROTATION, _MAX_SHEAR, _MAX_SHIFT = 30.0, 16.7, 0.45
# Maximum distance from 1 of the factors of contrast, colour, brightness and sharpness, at magnitude 1.
_MAX_ENHANCEMENT = 0.9
_MAX_POSTERIZATION = 4  # bits dropped at magnitude 1

GEOMETRIC = ("rotate", "shear", "translate_x", "translate_y")

Recolor = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _enhanced(images: tf.Tensor, dull: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Moves an image away from its dull version (strength above 0) or towards it (below 0)."""
    return tf.clip_by_value(dull + (1 + _MAX_ENHANCEMENT * strength) * (images - dull), 0.0, 255.0)


def _color(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    # A grey image has no colour to change.
    return _enhanced(images, tf.image.rgb_to_grayscale(images), strength) if images.shape[-1] == 3 else images


def _brightness(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    return _enhanced(images, tf.zeros_like(images), strength)


def _posterize(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    bits = tf.cast(tf.round(_MAX_POSTERIZATION * tf.abs(strength)), tf.uint8)
    whole = tf.cast(images, tf.uint8)
    return tf.cast(tf.bitwise.left_shift(tf.bitwise.right_shift(whole, bits), bits), tf.float32)


def _by_layer(layer: keras.layers.Layer, settings: Callable[[tf.Tensor], dict[str, tf.Tensor] | None]) -> Recolor:
    """Returns an operation that applies a Keras layer with settings computed from the strength."""
    return lambda images, strength: layer.transform_images(images, settings(strength))


def _color_operations() -> dict[str, Recolor]:
    """Returns the operations by name: functions (pixels 0–255, strengths) → pixels.

    Strengths are in [-1, 1], of shape (batch, 1, 1, 1). Keras' layers have variables and must be created before tf.data
    traces its functions.
    """
    layers, float32 = keras.layers, {"dtype": "float32"}
    return {
        "auto_contrast": _by_layer(layers.AutoContrast(**float32), lambda strength: None),
        "equalize": _by_layer(layers.Equalization(**float32), lambda strength: None),
        "solarize": _by_layer(
            layers.Solarization(**float32),
            lambda strength: {"additions": 0.0, "thresholds": 256 * (1 - tf.abs(strength))},
        ),
        "posterize": _posterize,
        "color": _color,
        "contrast": _by_layer(
            layers.RandomContrast(_MAX_ENHANCEMENT, **float32),
            lambda strength: {"contrast_factor": 1 + _MAX_ENHANCEMENT * strength},
        ),
        "brightness": _brightness,
        "sharpness": _by_layer(
            layers.RandomSharpness(1.0, **float32),
            lambda strength: {"factor": (1 + _MAX_ENHANCEMENT * strength) / 2},
        ),
    }


COLOR = (
    "auto_contrast", "equalize", "solarize", "posterize", "color", "contrast", "brightness", "sharpness",
)  # fmt: skip
OPERATIONS = ("identity", *GEOMETRIC, *COLOR)


@dataclass(frozen=True)
class Operations:
    """Operations of each image in each round.

    Args:
        chosen: Indices into `OPERATIONS`, int32 of shape (batch, rounds).
        strength: Strengths in [-1, 1], float32 of shape (batch, rounds).
    """

    chosen: tf.Tensor
    strength: tf.Tensor


@dataclass(frozen=True)
class RandAugment:
    """Several rounds of one random operation per image.

    Args:
        rounds: Number of rounds.
        magnitude: Strength of the operations, from 0 to 1.
        color_operations: Colour operations by name.
    """

    rounds: int
    magnitude: float
    color_operations: dict[str, Recolor]

    @classmethod
    def of(cls, augmentation: AugmentationSettings) -> Self | None:
        """Returns the RandAugment of an `Augmentation`, or None if it has none."""
        if not augmentation.rand_augment_ops:
            return None
        return cls(augmentation.rand_augment_ops, augmentation.rand_augment_magnitude, _color_operations())

    def draw(self, seed: int, epoch: tf.Tensor, indices: tf.Tensor) -> Operations:
        """Chooses the operations of each image."""
        numbers = draws.uniform(draws.RAND_AUGMENT, seed, epoch, indices, 2 * self.rounds)
        chosen = tf.cast(numbers[:, ::2] * len(OPERATIONS), tf.int32)
        # As in the paper, the magnitude is the strength, with a random sign.
        return Operations(chosen, tf.where(numbers[:, 1::2] < 0.5, -self.magnitude, self.magnitude))

    def compose(self, affine: Affine, operations: Operations, image_shape: tuple[int, int, int]) -> Affine:
        """Adds the geometric operations to a transform."""
        rotation, shear, shift_x, shift_y = (self._total(operations, name) for name in GEOMETRIC)
        return replace(
            affine,
            rotation=affine.rotation + _MAX_ROTATION * rotation,
            shear=affine.shear + _MAX_SHEAR * shear,
            shift_x=affine.shift_x + _MAX_SHIFT * image_shape[1] * shift_x,
            shift_y=affine.shift_y + _MAX_SHIFT * image_shape[0] * shift_y,
        )

    def recolor(self, images: tf.Tensor, operations: Operations) -> tf.Tensor:
        """Applies the colour operations round by round to float32 pixels 0–255."""
        for round_number in range(self.rounds):
            before = images
            strength = operations.strength[:, round_number, None, None, None]
            for name, operation in self.color_operations.items():
                selected = operations.chosen[:, round_number, None, None, None] == OPERATIONS.index(name)
                images = tf.where(selected, operation(before, strength), images)
        return images

    def _total(self, operations: Operations, name: str) -> tf.Tensor:
        selected = operations.chosen == OPERATIONS.index(name)
        return tf.reduce_sum(tf.where(selected, operations.strength, 0.0), axis=1)
