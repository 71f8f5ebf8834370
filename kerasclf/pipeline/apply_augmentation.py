"""Applies an `Augmentation` to a batch: draws all random numbers at once and moves the pixels once."""

import sys
from collections.abc import Callable

import tensorflow as tf

from kerasclf.pipeline import color, draws
from kerasclf.pipeline.affine import Affine, transform
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.pipeline.erasing import make_erase
from kerasclf.pipeline.rand_augment import RandAugment

# Index of each random number of an image. It is fixed: switching one change on does not alter the others.
SLOTS = (
    "rotation", "shift_x", "shift_x_sign", "shift_y", "shift_y_sign", "shear", "zoom_x", "zoom_y", "flip_x", "flip_y",
    "crop_x", "crop_y", "channel_shift", "brightness", "erase", "erase_area", "erase_aspect", "erase_x", "erase_y",
)  # fmt: skip

# TensorFlow for Windows has no XLA.
_XLA = sys.platform != "win32"

Drawn = dict[str, tf.Tensor]
AugmentFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def make_augment(
    augmentation: AugmentationSettings, seed: int, image_shape: tuple[int, int, int]
) -> AugmentFunction | None:
    """Returns a function (images, epoch, indices) → images, or None if the augmentation changes no image.

    The images are uint8 of shape (batch, height, width, channels). The change of an image depends only on the seed,
    the epoch and the image's index.

    Args:
        augmentation: The random changes.
        seed: The run's seed.
        image_shape: Height, width and channels.
    """
    if not augmentation.changes_images:
        return None
    rand_augment = RandAugment.of(augmentation)
    erase = make_erase(augmentation, seed)

    @tf.function(jit_compile=_XLA, autograph=False)
    def move(images: tf.Tensor, epoch: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        drawn = draw_numbers(seed, epoch, indices)
        affine = draw_affine(augmentation, drawn, image_shape)
        if rand_augment is not None:
            affine = rand_augment.compose(affine, rand_augment.draw(seed, epoch, indices), image_shape)
        images = transform(images, affine, augmentation.fill_mode, augmentation.cval, augmentation.interpolation)
        return color.shift_and_brighten(images, augmentation, drawn["channel_shift"], drawn["brightness"])

    @tf.function(jit_compile=_XLA, autograph=False)
    def finish(images: tf.Tensor, epoch: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        return to_uint8(images if erase is None else erase(images, draw_numbers(seed, epoch, indices), epoch, indices))

    @tf.function(jit_compile=_XLA, autograph=False)
    def move_and_finish(images: tf.Tensor, epoch: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        return finish(move(images, epoch, indices), epoch, indices)

    if rand_augment is None:
        return move_and_finish

    def with_rand_augment(images: tf.Tensor, epoch: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
        # Outside XLA: it cannot compile the histogram of Keras' equalisation.
        images = tf.cast(move(images, epoch, indices), tf.float32)
        images = rand_augment.recolor(images, rand_augment.draw(seed, epoch, indices))
        return finish(images, epoch, indices)

    return with_rand_augment


def draw_numbers(seed: int, epoch: tf.Tensor, indices: tf.Tensor) -> Drawn:
    """Returns uniform numbers in [0, 1) by their name in `SLOTS`, each of shape (len(indices),)."""
    numbers = draws.uniform(draws.AUGMENT, seed, epoch, indices, len(SLOTS))
    return dict(zip(SLOTS, tf.unstack(numbers, axis=1), strict=True))


def to_uint8(images: tf.Tensor) -> tf.Tensor:
    """Rounds pixels to the nearest grey level from 0 to 255, as uint8."""
    if images.dtype == tf.uint8:
        return images
    return tf.cast(tf.clip_by_value(images, 0.0, 255.0) + 0.5, tf.uint8)


def draw_affine(augmentation: AugmentationSettings, drawn: Drawn, image_shape: tuple[int, int, int]) -> Affine:
    """Turns random numbers into parameters of transforms. Changes that are switched off stay plain numbers.

    Args:
        augmentation: The ranges of the parameters.
        drawn: Uniform numbers in [0, 1) by their name in `SLOTS`, each of shape (batch,).
        image_shape: Height, width and channels.
    """
    height, width = image_shape[:2]
    shift_x = _shift(augmentation.width_shift_range, width, drawn["shift_x"], drawn["shift_x_sign"])
    shift_y = _shift(augmentation.height_shift_range, height, drawn["shift_y"], drawn["shift_y_sign"])
    padding = augmentation.random_crop_padding
    if padding:
        shift_x += _whole(drawn["crop_x"], 2 * padding + 1) - padding
        shift_y += _whole(drawn["crop_y"], 2 * padding + 1) - padding
    zoomed = augmentation.zoom != (1.0, 1.0)
    return Affine(
        rotation=_signed(augmentation.rotation_range, drawn["rotation"]),
        shift_x=shift_x,
        shift_y=shift_y,
        shear=_signed(augmentation.shear_range, drawn["shear"]),
        zoom_x=_between(augmentation.zoom, drawn["zoom_x"]) if zoomed else 1.0,
        zoom_y=_between(augmentation.zoom, drawn["zoom_y"]) if zoomed else 1.0,
        flip_x=_flip(drawn["flip_x"]) if augmentation.horizontal_flip else 1.0,
        flip_y=_flip(drawn["flip_y"]) if augmentation.vertical_flip else 1.0,
    )


def _shift(shift: float | int | tuple[float, ...], size: int, draw: tf.Tensor, sign: tf.Tensor) -> tf.Tensor | float:
    """Returns a shift in pixels. A range has one of ImageDataGenerator's three meanings, depending on its type."""
    if not shift:
        return 0.0
    if isinstance(shift, float):
        return _signed(shift * size if shift < 1 else shift, draw)
    choices = shift if isinstance(shift, tuple) else tuple(range(shift))
    pixels = tf.constant([c * size if max(map(abs, choices)) < 1 else c for c in choices], tf.float32)
    return tf.gather(pixels, tf.cast(_whole(draw, len(choices)), tf.int32)) * _flip(sign)


def _signed(limit: float, draw: tf.Tensor) -> tf.Tensor | float:
    return (2 * draw - 1) * limit if limit else 0.0


def _between(limits: tuple[float, float], draw: tf.Tensor) -> tf.Tensor:
    return limits[0] + (limits[1] - limits[0]) * draw


def _whole(draw: tf.Tensor, count: int) -> tf.Tensor:
    return tf.floor(draw * count)


def _flip(draw: tf.Tensor) -> tf.Tensor:
    return tf.where(draw < 0.5, -1.0, 1.0)
