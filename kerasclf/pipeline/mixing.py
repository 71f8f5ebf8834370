"""MixUp and CutMix: each image with the next one of its batch, and their labels with them."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from scipy.stats import beta

from kerasclf.pipeline import draws
from kerasclf.pipeline.augment import to_uint8
from kerasclf.pipeline.augmentation import Augmentation
from kerasclf.pipeline.erasing import boxes

MixFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

_QUANTILES = 1025  # points of the table that turns an even number into one of a Beta distribution


def make_mix(augmentation: Augmentation, seed: int, image_shape: tuple[int, int, int]) -> MixFunction | None:
    """Returns a function (images, labels, epoch, indices) → (images, labels), or None where nothing is mixed.

    Labels are one-hot float32. Each image's weight depends on (seed, epoch, its index); its partner is the next
    image of the batch, and the last one's the first.
    """
    if not augmentation.mixes:
        return None
    mix_up, cut_mix = _mix_up(augmentation.mix_up), _cut_mix(augmentation.cut_mix, image_shape)

    def mix(images: tf.Tensor, labels: tf.Tensor, epoch: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        numbers = draws.uniform(draws.MIX, seed, epoch, indices, 4)
        if not augmentation.cut_mix:
            return mix_up(images, labels, numbers)
        if not augmentation.mix_up:
            return cut_mix(images, labels, numbers)
        return tf.cond(
            numbers[0, 3] < 0.5,
            lambda: mix_up(images, labels, numbers),
            lambda: cut_mix(images, labels, numbers),
        )

    return mix


Mixed = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


def _mix_up(alpha: float) -> Mixed:
    layer = keras.layers.MixUp(dtype="float32")

    def mix_up(images: tf.Tensor, labels: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        how = {"mix_weight": _beta(numbers[:, 0], alpha), "permutation_order": _next(labels)}
        mixed = layer.transform_images(tf.cast(images, tf.float32), how)
        return to_uint8(mixed), layer.transform_labels(labels, how)

    return mix_up


def _cut_mix(alpha: float, image_shape: tuple[int, int, int]) -> Mixed:
    layer = keras.layers.CutMix(dtype="float32")

    def cut_mix(images: tf.Tensor, labels: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        side = tf.sqrt(1 - _beta(numbers[:, 0], alpha))
        masks = boxes(image_shape, side, side, numbers[:, 1], numbers[:, 2])
        # The weight is what was really cut, after rounding to whole pixels.
        kept = 1 - tf.reduce_mean(tf.cast(masks, tf.float32), axis=[1, 2, 3])
        how = {"mix_weight": kept, "permutation_order": _next(labels), "batch_masks": masks}
        return to_uint8(layer.transform_images(images, how)), layer.transform_labels(labels, how)

    return cut_mix


def _next(labels: tf.Tensor) -> tf.Tensor:
    return tf.roll(tf.range(tf.shape(labels)[0]), -1, axis=0)


def _beta(numbers: tf.Tensor, alpha: float) -> tf.Tensor:
    """Turns even numbers in [0, 1) into draws of Beta(alpha, alpha), by a table of its quantiles."""
    table = tf.constant(beta.ppf(np.linspace(0, 1, _QUANTILES), alpha, alpha), tf.float32)
    place = numbers * (_QUANTILES - 1)
    below = tf.floor(place)
    low, high = (tf.gather(table, tf.cast(below, tf.int32) + step) for step in (0, 1))
    return low + (place - below) * (high - low)
