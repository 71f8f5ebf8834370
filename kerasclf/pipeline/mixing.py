"""MixUp and CutMix: mix each image and its label with the next ones of the batch."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from scipy.stats import beta

from kerasclf.pipeline import draws
from kerasclf.pipeline.apply_augmentation import to_uint8
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.pipeline.erasing import boxes

MixFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

_QUANTILES = 1025  # points of the table that turns uniform numbers into those of a Beta distribution


def make_mix(augmentation: AugmentationSettings, seed: int, image_shape: tuple[int, int, int]) -> MixFunction | None:
    """Returns a function (images, labels, epoch, indices) → (images, labels), or None if nothing is mixed.

    Labels are one-hot float32. The weight of an image depends on the seed, the epoch and the image's index. Each image
    is mixed with the next one of its batch, and the last with the first.

    Args:
        augmentation: MixUp's and CutMix's alpha.
        seed: The run's seed.
        image_shape: Height, width and channels.
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
        settings = {"mix_weight": _beta(numbers[:, 0], alpha), "permutation_order": _next(labels)}
        mixed = layer.transform_images(tf.cast(images, tf.float32), settings)
        return to_uint8(mixed), layer.transform_labels(labels, settings)

    return mix_up


def _cut_mix(alpha: float, image_shape: tuple[int, int, int]) -> Mixed:
    layer = keras.layers.CutMix(dtype="float32")

    def cut_mix(images: tf.Tensor, labels: tf.Tensor, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        side = tf.sqrt(1 - _beta(numbers[:, 0], alpha))
        masks = boxes(image_shape, side, side, numbers[:, 1], numbers[:, 2])
        # The weight is the share that remains after rounding to whole pixels.
        kept = 1 - tf.reduce_mean(tf.cast(masks, tf.float32), axis=[1, 2, 3])
        settings = {"mix_weight": kept, "permutation_order": _next(labels), "batch_masks": masks}
        return to_uint8(layer.transform_images(images, settings)), layer.transform_labels(labels, settings)

    return cut_mix


def _next(labels: tf.Tensor) -> tf.Tensor:
    return tf.roll(tf.range(tf.shape(labels)[0]), -1, axis=0)


def _beta(numbers: tf.Tensor, alpha: float) -> tf.Tensor:
    """Turns uniform numbers in [0, 1) into draws of Beta(alpha, alpha), by a table of its quantiles."""
    table = tf.constant(beta.ppf(np.linspace(0, 1, _QUANTILES), alpha, alpha), tf.float32)
    position = numbers * (_QUANTILES - 1)
    below = tf.floor(position)
    low, high = (tf.gather(table, tf.cast(below, tf.int32) + step) for step in (0, 1))
    return low + (position - below) * (high - low)
