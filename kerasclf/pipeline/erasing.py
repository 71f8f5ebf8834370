"""Random erasing, and the rectangles of CutMix."""

from collections.abc import Callable

import keras
import tensorflow as tf

from kerasclf.pipeline import draws
from kerasclf.pipeline.augmentation_settings import AugmentationSettings

# Minimum ratio of height to width of an erased rectangle (Zhong et al. 2017, https://arxiv.org/abs/1708.04896).
_MIN_ASPECT = 0.3


def boxes(
    image_shape: tuple[int, int, int], share_y: tf.Tensor, share_x: tf.Tensor, at_y: tf.Tensor, at_x: tf.Tensor
) -> tf.Tensor:
    """Returns a mask of one rectangle per image, bool of shape (batch, height, width, 1).

    Args:
        image_shape: Height, width and channels.
        share_y: Height of the rectangle as a share of the image's height, shape (batch,).
        share_x: Width of the rectangle as a share of the image's width, shape (batch,).
        at_y: Position of the rectangle from top (0) to bottom (1), shape (batch,).
        at_x: Position of the rectangle from left (0) to right (1), shape (batch,).
    """
    spans = []
    for size, share, at in ((image_shape[0], share_y, at_y), (image_shape[1], share_x, at_x)):
        length = tf.round(tf.clip_by_value(share, 0.0, 1.0) * size)
        start = tf.floor(at * (size - length + 1))[:, None]
        pixels = tf.range(size, dtype=tf.float32)
        spans.append((pixels >= start) & (pixels < start + length[:, None]))
    return (spans[0][:, :, None] & spans[1][:, None, :])[..., None]


EraseFunction = Callable[[tf.Tensor, dict[str, tf.Tensor], tf.Tensor, tf.Tensor], tf.Tensor]


def make_erase(augmentation: AugmentationSettings, seed: int) -> EraseFunction | None:
    """Returns a function (images, drawn, epoch, indices) → images that replaces a rectangle by noise.

    It uses Keras' RandomErasing with the numbers of `draws`. Without random erasing it is None.

    Args:
        augmentation: Probability and area of the rectangle.
        seed: The run's seed.
    """
    if not augmentation.random_erasing:
        return None
    layer = keras.layers.RandomErasing(dtype="float32")
    low, high = augmentation.random_erasing_area

    def erase(images: tf.Tensor, drawn: dict[str, tf.Tensor], epoch: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = images.shape
        area = low + (high - low) * drawn["erase_area"]
        aspect = _MIN_ASPECT ** (1 - 2 * drawn["erase_aspect"])  # from 0.3 to 1/0.3, uniform in the logarithm
        share_y, share_x = tf.sqrt(area * aspect), tf.sqrt(area / aspect)
        noise = draws.uniform(draws.NOISE, seed, epoch, indices, height * width * channels)
        settings = {
            "batch_masks": boxes((height, width, channels), share_y, share_x, drawn["erase_y"], drawn["erase_x"]),
            "apply_erasing": drawn["erase"] < augmentation.random_erasing,
            "fill_value": 255 * tf.reshape(noise, tf.shape(images)),
        }
        return layer.transform_images(images, settings)

    return erase
