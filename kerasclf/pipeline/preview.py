"""Draws images next to the random versions of them that a training would see."""

import textwrap
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.pipeline.apply_augmentation import make_augment
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.pipeline.change_names import name_changes
from kerasclf.pipeline.mixing import make_mix

_MOST = 16  # images and versions; a larger figure is unreadable
_CELL_IN = 1.6  # inches
_TITLE_WIDTH = 22  # characters

Pixels = NDArray[np.uint8]


def random_versions(
    augmentation: AugmentationSettings, images: Pixels, indices: Sequence[int], count: int, seed: int
) -> tuple[Pixels, list[list[str]]]:
    """Returns what a training sees of some images in its first epochs, before normalisation.

    Args:
        augmentation: The random changes.
        images: uint8 of shape (n, height, width, channels), pixels 0–255.
        indices: Their indices in the training set.
        count: Number of epochs.
        seed: The run's seed.

    Returns:
        The versions, uint8 of shape (n, count, height, width, channels), and the names of their changes.
    """
    height, width, channels = images.shape[1:]
    shape = (height, width, channels)
    augment, mix = make_augment(augmentation, seed, shape), make_mix(augmentation, seed, shape)
    numbers, versions, titles = tf.constant(indices, tf.int64), [], []
    for epoch in tf.range(count, dtype=tf.int64):
        batch = tf.constant(images)
        changes = name_changes(augmentation, seed, epoch, numbers, shape)
        if augment is not None:
            batch = augment(batch, epoch, numbers)
        if mix is not None:
            batch, weights = mix(batch, tf.eye(len(images)), epoch, numbers)
            changes = [[*names, _mixed(row, i)] for i, (names, row) in enumerate(zip(changes, weights, strict=True))]
        versions.append(batch.numpy())
        titles.append([", ".join(filter(None, names)) or "unchanged" for names in changes])
    return np.stack(versions, axis=1), [list(of_image) for of_image in zip(*titles, strict=True)]


def draw_preview(
    augmentation: AugmentationSettings,
    images: Pixels,
    *,
    indices: Sequence[int] = (),
    count: int = 4,
    seed: int = 0,
    names: Sequence[str] = (),
) -> NotebookFigure:
    """Draws one row per image: the original, and its versions in the first epochs of a training.

    Args:
        augmentation: The random changes.
        images: uint8 of shape (n, height, width, channels) or (height, width, channels), pixels 0–255.
        indices: Indices of the images in the training set; 0, 1, 2 … if empty.
        count: Number of versions of each image.
        seed: The run's seed.
        names: Titles of the original images.

    Raises:
        KerasclfError: If the images or the count cannot be used, or if the augmentation changes no image.
    """
    images = np.asarray(images)
    images = images[None] if images.ndim == 3 else images
    _check(augmentation, images, count, names)
    versions, titles = random_versions(augmentation, images, indices or range(len(images)), count, seed)
    size = (_CELL_IN * (count + 1), (_CELL_IN + 0.5) * len(images) + 0.5)
    figure = NotebookFigure(figsize=size, layout="constrained")
    grid = figure.subplots(len(images), count + 1, squeeze=False)
    for row, original, of_image, of_titles, name in zip(
        grid, images, versions, titles, names or ["original"] * len(images), strict=True
    ):
        for axes, pixels, title in zip(row, [original, *of_image], [name, *of_titles], strict=True):
            axes.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
            axes.set_title(textwrap.fill(title, _TITLE_WIDTH), fontsize=7, parse_math=False)
            axes.set_axis_off()
    figure.suptitle(f"Epochs 1 to {count} of a run with seed {seed}, before normalisation", fontsize=9)
    return figure


def _check(augmentation: AugmentationSettings, images: Pixels, count: int, names: Sequence[str]) -> None:
    problems = []
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3):
        problems.append(
            "images: expected uint8 pixels of shape (n, height, width, channels) with 1 or 3 channels. "
            f"Received: {images.dtype} of shape {images.shape}."
        )
    elif not 1 <= len(images) <= _MOST:
        problems.append(f"images: expected 1 to {_MOST} images. Received: {len(images):,}.")
    elif names and len(names) != len(images):
        problems.append(f"names: expected one for each of the {len(images)} images. Received: {len(names)}.")
    if not 1 <= count <= _MOST:
        problems.append(f"count: expected 1 to {_MOST} versions. Received: {count}.")
    raise_all("The preview cannot be drawn", problems)
    if not augmentation.is_random:
        raise KerasclfError(
            f"Expected an augmentation that changes images at random. Received: {augmentation!r}. "
            "Its normalisation is part of the model and is not shown."
        )


def _mixed(weights: tf.Tensor, own: int) -> str:
    """Returns the name of a mixture, from the weights of all images in it."""
    others = [(share, i) for i, share in enumerate(weights.numpy()) if i != own and share > 0.005]
    return ", ".join(f"{share:.0%} of image {i + 1}" for share, i in others)
