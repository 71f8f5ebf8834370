"""Random changes of brightness and of grey levels."""

import tensorflow as tf

from kerasclf.pipeline.augmentation_settings import AugmentationSettings


def shift_and_brighten(
    images: tf.Tensor, augmentation: AugmentationSettings, shift: tf.Tensor, brightness: tf.Tensor
) -> tf.Tensor:
    """Applies `channel_shift_range` and `brightness_range`.

    Args:
        images: Pixels 0–255 of shape (batch, height, width, channels).
        augmentation: The two ranges.
        shift: Uniform numbers in [0, 1) for the channel shift, shape (batch,).
        brightness: Uniform numbers in [0, 1) for the brightness, shape (batch,).

    Returns:
        float32 pixels; the unchanged images if both ranges are off.
    """
    if augmentation.channel_shift_range:
        images = tf.cast(images, tf.float32)
        levels = levels_of(augmentation, shift)
        darkest, brightest = (f(images, axis=[1, 2, 3], keepdims=True) for f in (tf.reduce_min, tf.reduce_max))
        images = tf.clip_by_value(images + levels[:, None, None, None], darkest, brightest)
    if augmentation.brightness_range is not None:
        factors = factors_of(augmentation, brightness)
        images = tf.clip_by_value(tf.cast(images, tf.float32) * factors[:, None, None, None], 0.0, 255.0)
    return images


def levels_of(augmentation: AugmentationSettings, drawn: tf.Tensor) -> tf.Tensor:
    """Turns uniform numbers in [0, 1) into the grey levels that `channel_shift_range` adds."""
    return (2 * drawn - 1) * augmentation.channel_shift_range


def factors_of(augmentation: AugmentationSettings, drawn: tf.Tensor) -> tf.Tensor:
    """Turns uniform numbers in [0, 1) into the factors of `brightness_range`."""
    low, high = augmentation.brightness_range or (1.0, 1.0)
    return low + (high - low) * drawn
