"""Rectangles: random erasing, and the boxes that CutMix cuts."""

from collections.abc import Callable

import keras
import tensorflow as tf

from kerasclf.pipeline import draws
from kerasclf.pipeline.augmentation import Augmentation

# Height to width of an erased rectangle, as in Zhong et al. 2017 (https://arxiv.org/abs/1708.04896).
_LEAST_ASPECT = 0.3


def boxes(
    image_shape: tuple[int, int, int], share_y: tf.Tensor, share_x: tf.Tensor, at_y: tf.Tensor, at_x: tf.Tensor
) -> tf.Tensor:
    """Returns a rectangle for each image as a mask, bool of shape (batch, height, width, 1).

    Args:
        image_shape: Height, width and channels.
        share_y: The rectangle's height as a share of the image's, shape (batch,).
        share_x: Its width.
        at_y: Where it lies between the top (0) and the bottom (1).
        at_x: Where it lies between left and right.
    """
    spans = []
    for size, share, at in ((image_shape[0], share_y, at_y), (image_shape[1], share_x, at_x)):
        length = tf.round(tf.clip_by_value(share, 0.0, 1.0) * size)
        start = tf.floor(at * (size - length + 1))[:, None]
        places = tf.range(size, dtype=tf.float32)
        spans.append((places >= start) & (places < start + length[:, None]))
    return (spans[0][:, :, None] & spans[1][:, None, :])[..., None]


EraseFunction = Callable[[tf.Tensor, dict[str, tf.Tensor], tf.Tensor, tf.Tensor], tf.Tensor]


def make_erase(augmentation: Augmentation, seed: int) -> EraseFunction | None:
    """Returns a function (images, drawn, epoch, indices) → images that replaces a rectangle by noise, or None.

    Keras' RandomErasing does it, with our draws in place of its own.
    """
    if not augmentation.random_erasing:
        return None
    layer = keras.layers.RandomErasing(dtype="float32")
    least, most = augmentation.random_erasing_area

    def erase(images: tf.Tensor, drawn: dict[str, tf.Tensor], epoch: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        _, height, width, channels = images.shape
        area = least + (most - least) * drawn["erase_area"]
        aspect = _LEAST_ASPECT ** (1 - 2 * drawn["erase_aspect"])  # from 0.3 to 1/0.3, even in the logarithm
        tall, wide = tf.sqrt(area * aspect), tf.sqrt(area / aspect)
        noise = draws.uniform(draws.NOISE, seed, epoch, indices, height * width * channels)
        how = {
            "batch_masks": boxes((height, width, channels), tall, wide, drawn["erase_y"], drawn["erase_x"]),
            "apply_erasing": drawn["erase"] < augmentation.random_erasing,
            "fill_value": 255 * tf.reshape(noise, tf.shape(images)),
        }
        return layer.transform_images(images, how)

    return erase
