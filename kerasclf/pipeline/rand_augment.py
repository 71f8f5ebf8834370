"""RandAugment (Cubuk et al. 2019, https://arxiv.org/abs/1909.13719) over a batch, each image by its own draws.

Keras' layer chooses one operation for a whole batch from a generator with a state. Here every image chooses for
itself. The geometric operations of all rounds join the one affine transform of the pipeline; the colour operations
follow, computed by Keras' own layers.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

import keras
import tensorflow as tf

from kerasclf.pipeline import draws
from kerasclf.pipeline.affine import Affine
from kerasclf.pipeline.augmentation import Augmentation

# The greatest turn, shear and shift, at magnitude 1: degrees, degrees (a slope of 0.3), share of the side.
_MOST_ROTATION, _MOST_SHEAR, _MOST_SHIFT = 30.0, 16.7, 0.45
# The greatest change of contrast, colour, brightness and sharpness at magnitude 1, as a factor's distance from 1.
_MOST_ENHANCEMENT = 0.9
_GREATEST_POSTERIZATION = 4  # bits that are dropped

GEOMETRIC = ("rotate", "shear", "translate_x", "translate_y")

Recolor = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def _enhanced(images: tf.Tensor, dull: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    """Moves away from (strength above 0) or towards the dull version of an image."""
    return tf.clip_by_value(dull + (1 + _MOST_ENHANCEMENT * strength) * (images - dull), 0.0, 255.0)


def _color(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    # Of a grey image there is no colour to change.
    return _enhanced(images, tf.image.rgb_to_grayscale(images), strength) if images.shape[-1] == 3 else images


def _brightness(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    return _enhanced(images, tf.zeros_like(images), strength)


def _posterize(images: tf.Tensor, strength: tf.Tensor) -> tf.Tensor:
    bits = tf.cast(tf.round(_GREATEST_POSTERIZATION * tf.abs(strength)), tf.uint8)
    whole = tf.cast(images, tf.uint8)
    return tf.cast(tf.bitwise.left_shift(tf.bitwise.right_shift(whole, bits), bits), tf.float32)


def _by_layer(layer: keras.layers.Layer, settings: Callable[[tf.Tensor], dict[str, tf.Tensor] | None]) -> Recolor:
    """Lets a Keras layer do the work with settings made of the strength, instead of its own random ones."""
    return lambda images, strength: layer.transform_images(images, settings(strength))


def _color_operations() -> dict[str, Recolor]:
    """Returns functions of (pixels 0–255, strengths in [-1, 1] of shape (batch, 1, 1, 1)).

    Keras' layers own variables, so they are made here, before tf.data traces its functions.
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
            layers.RandomContrast(_MOST_ENHANCEMENT, **float32),
            lambda strength: {"contrast_factor": 1 + _MOST_ENHANCEMENT * strength},
        ),
        "brightness": _brightness,
        "sharpness": _by_layer(
            layers.RandomSharpness(1.0, **float32),
            lambda strength: {"factor": (1 + _MOST_ENHANCEMENT * strength) / 2},
        ),
    }


COLOR = (
    "auto_contrast", "equalize", "solarize", "posterize", "color", "contrast", "brightness", "sharpness",
)  # fmt: skip
OPERATIONS = ("identity", *GEOMETRIC, *COLOR)


@dataclass(frozen=True)
class Operations:
    """What each image gets in each round: an index into OPERATIONS and a strength, shape (batch, rounds)."""

    chosen: tf.Tensor
    strength: tf.Tensor


@dataclass(frozen=True)
class RandAugment:
    """So many rounds of one random operation, at a magnitude from 0 to 1."""

    rounds: int
    magnitude: float
    color_operations: dict[str, Recolor]

    @classmethod
    def of(cls, augmentation: Augmentation) -> Self | None:
        """Returns what an `Augmentation` asks for, or None."""
        if not augmentation.rand_augment_ops:
            return None
        return cls(augmentation.rand_augment_ops, augmentation.rand_augment_magnitude, _color_operations())

    def draw(self, seed: int, epoch: tf.Tensor, indices: tf.Tensor) -> Operations:
        """Chooses the operations of each image."""
        numbers = draws.uniform(draws.RAND_AUGMENT, seed, epoch, indices, 2 * self.rounds)
        chosen = tf.cast(numbers[:, ::2] * len(OPERATIONS), tf.int32)
        # The paper's magnitude is the strength itself, with a random sign.
        return Operations(chosen, tf.where(numbers[:, 1::2] < 0.5, -self.magnitude, self.magnitude))

    def compose(self, affine: Affine, operations: Operations, image_shape: tuple[int, int, int]) -> Affine:
        """Adds the geometric operations to a transform."""
        turn, shear, right, down = (self._total(operations, name) for name in GEOMETRIC)
        return replace(
            affine,
            rotation=affine.rotation + _MOST_ROTATION * turn,
            shear=affine.shear + _MOST_SHEAR * shear,
            shift_x=affine.shift_x + _MOST_SHIFT * image_shape[1] * right,
            shift_y=affine.shift_y + _MOST_SHIFT * image_shape[0] * down,
        )

    def recolor(self, images: tf.Tensor, operations: Operations) -> tf.Tensor:
        """Applies the colour operations, round by round; float32 pixels 0–255 in and out."""
        for turn in range(self.rounds):
            before = images
            strength = operations.strength[:, turn, None, None, None]
            for name, operation in self.color_operations.items():
                mine = operations.chosen[:, turn, None, None, None] == OPERATIONS.index(name)
                images = tf.where(mine, operation(before, strength), images)
        return images

    def _total(self, operations: Operations, name: str) -> tf.Tensor:
        mine = operations.chosen == OPERATIONS.index(name)
        return tf.reduce_sum(tf.where(mine, operations.strength, 0.0), axis=1)
