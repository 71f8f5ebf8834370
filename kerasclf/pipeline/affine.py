"""Applies one affine transform per image: composes a matrix from its parameters and moves the pixels once.

The code uses plain gathers and sums, which XLA compiles into one loop. It is about five times as fast as
ImageProjectiveTransformV3 (docs/explanation/what-was-tried.md). All fill modes but one have scipy's meaning
(docs/augmentation.md).
"""

import math
from dataclasses import dataclass, fields

import tensorflow as tf

# Rounding may move a position off the image's edge by this many pixels; it still counts as inside.
_EDGE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Affine:
    """Parameters of one transform per image: float32 tensors of shape (batch,), or numbers for all images.

    The output pixel at a position p takes the input at rotation · shift · shear · zoom · flip of p, about the image's
    centre. This is the order of Keras' ImageDataGenerator.

    Args:
        rotation: Degrees.
        shift_x: Pixels to the right, from an output pixel to its input pixel.
        shift_y: Pixels downwards, likewise.
        shear: Degrees.
        zoom_x: Zoom factor of columns; above 1 the image shrinks.
        zoom_y: Zoom factor of rows.
        flip_x: -1 mirrors left to right, 1 does not.
        flip_y: -1 mirrors top to bottom, 1 does not.
    """

    rotation: tf.Tensor | float = 0.0
    shift_x: tf.Tensor | float = 0.0
    shift_y: tf.Tensor | float = 0.0
    shear: tf.Tensor | float = 0.0
    zoom_x: tf.Tensor | float = 1.0
    zoom_y: tf.Tensor | float = 1.0
    flip_x: tf.Tensor | float = 1.0
    flip_y: tf.Tensor | float = 1.0

    def varying(self) -> set[str]:
        """Returns the names of the parameters that differ between images."""
        return {f.name for f in fields(self) if tf.is_tensor(getattr(self, f.name))}


def matrices(affine: Affine, batch: tf.Tensor) -> tf.Tensor:
    """Returns the matrices from output to input positions about the centre, in (x, y) order.

    Args:
        affine: The transforms.
        batch: Number of images.

    Returns:
        float32 of shape (batch, 2, 3).
    """
    ones = tf.ones([batch])
    theta, phi = (ones * value * (math.pi / 180) for value in (affine.rotation, affine.shear))
    cos, sin = tf.cos(theta), tf.sin(theta)
    # Rotation times shear, (1, -sin φ; 0, cos φ).
    a, b = cos, -cos * tf.sin(phi) - sin * tf.cos(phi)
    c, d = sin, -sin * tf.sin(phi) + cos * tf.cos(phi)
    x, y = ones * affine.shift_x, ones * affine.shift_y
    scale_x, scale_y = affine.zoom_x * affine.flip_x, affine.zoom_y * affine.flip_y
    rows = [[a * scale_x, b * scale_y, cos * x - sin * y], [c * scale_x, d * scale_y, sin * x + cos * y]]
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=1)


def transform(
    images: tf.Tensor,
    affine: Affine,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    interpolation: str = "bilinear",
) -> tf.Tensor:
    """Transforms a batch of images.

    Args:
        images: Pixels of shape (batch, height, width, channels), any number type.
        affine: The transform of each image.
        fill_mode: Filling outside the image: `"nearest"`, `"constant"`, `"reflect"` or `"wrap"`.
        cval: Value outside the image if `fill_mode` is `"constant"`.
        interpolation: `"bilinear"` or `"nearest"`.

    Returns:
        float32 of the same shape; the original type if only flips are possible.
    """
    varying = affine.varying()
    if varying <= {"flip_x", "flip_y"}:
        return _mirror(images, affine)
    height, width = images.shape[1], images.shape[2]
    rotates = bool(varying & {"rotation", "shear"})
    x, y = _input_positions(matrices(affine, tf.shape(images)[0]), height, width, rotates)
    # One axis for all pixels of an image: a single index finds a pixel.
    pixels = tf.reshape(images, [-1, height * width, images.shape[3]])

    def pixels_at(column: tf.Tensor, row: tf.Tensor) -> tf.Tensor:
        index = _to_index(row, height, fill_mode) * width + _to_index(column, width, fill_mode)
        return tf.cast(tf.gather(pixels, index, axis=1, batch_dims=1), tf.float32)

    if interpolation == "nearest":
        values = pixels_at(tf.floor(x + 0.5), tf.floor(y + 0.5))
    else:
        left, top = tf.floor(x), tf.floor(y)
        right_share, bottom_share = (x - left)[..., None], (y - top)[..., None]
        upper = pixels_at(left, top) * (1 - right_share) + pixels_at(left + 1, top) * right_share
        lower = pixels_at(left, top + 1) * (1 - right_share) + pixels_at(left + 1, top + 1) * right_share
        values = upper * (1 - bottom_share) + lower * bottom_share
    if fill_mode == "constant":
        inside = _is_inside(x, width) & _is_inside(y, height)
        values = tf.where(inside[..., None], values, cval)
    return values


def _mirror(images: tf.Tensor, affine: Affine) -> tf.Tensor:
    for flip, axis in ((affine.flip_x, 2), (affine.flip_y, 1)):
        if tf.is_tensor(flip):
            indices = tf.range(images.shape[axis])
            flipped = tf.where(tf.expand_dims(flip, 1) < 0, indices[::-1], indices)
            images = tf.gather(images, flipped, axis=axis, batch_dims=1)
    return images


def _input_positions(matrix: tf.Tensor, height: int, width: int, rotates: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the input's x and y for each output pixel, in shapes that broadcast to (batch, height, width).

    Unless the transform `rotates`, x depends only on the column and y only on the row, which saves most arithmetic.
    """
    center_x, center_y = (width - 1) / 2, (height - 1) / 2
    x = (tf.range(width, dtype=tf.float32) - center_x)[None, None, :]
    y = (tf.range(height, dtype=tf.float32) - center_y)[None, :, None]
    m = matrix[:, :, :, None, None]
    input_x, input_y = m[:, 0, 0] * x, m[:, 1, 1] * y
    if rotates:
        input_x, input_y = input_x + m[:, 0, 1] * y, input_y + m[:, 1, 0] * x
    return input_x + m[:, 0, 2] + center_x, input_y + m[:, 1, 2] + center_y


def _to_index(position: tf.Tensor, size: int, fill_mode: str) -> tf.Tensor:
    """Maps whole positions, some of them outside the image, to indices from 0 to size - 1."""
    index = tf.cast(position, tf.int32)
    if fill_mode == "reflect":  # d c b a | a b c d | d c b a
        index = tf.math.floormod(index, 2 * size)
        index = tf.minimum(index, 2 * size - 1 - index)
    elif fill_mode == "wrap":
        index = tf.math.floormod(index, size)
    return tf.clip_by_value(index, 0, size - 1)


def _is_inside(position: tf.Tensor, size: int) -> tf.Tensor:
    return (position > -_EDGE_TOLERANCE) & (position < size - 1 + _EDGE_TOLERANCE)
