"""Draws images next to the random versions of them that a training would see."""

import textwrap
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.pipeline.apply_augmentation import make_augment
from kerasclf.pipeline.augmentation_settings import AugmentationSettings
from kerasclf.pipeline.change_names import name_changes
from kerasclf.pipeline.mixing import make_mix

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
    indices: Sequence[int],
    count: int,
    seed: int,
    names: Sequence[str],
) -> NotebookFigure:
    """Draws one row per image: the original, and its versions in the first epochs of a training.

    Args:
        augmentation: The random changes.
        images: uint8 of shape (n, height, width, channels), pixels 0–255.
        indices: Indices of the images in the training set.
        count: Number of versions of each image.
        seed: The run's seed.
        names: Titles of the original images.
    """
    versions, titles = random_versions(augmentation, images, indices, count, seed)
    size = (_CELL_IN * (count + 1), (_CELL_IN + 0.5) * len(images) + 0.5)
    figure = NotebookFigure(figsize=size, dpi=150, layout="constrained")
    grid = figure.subplots(len(images), count + 1, squeeze=False)
    for row, original, of_image, of_titles, name in zip(grid, images, versions, titles, names, strict=True):
        for axes, pixels, title in zip(row, [original, *of_image], [for_figure(name), *of_titles], strict=True):
            axes.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
            # Lines break only between two changes.
            words = title.replace(" ", "\N{NO-BREAK SPACE}").replace(",\N{NO-BREAK SPACE}", ", ")
            axes.set_title(textwrap.fill(words, _TITLE_WIDTH), fontsize=7)
            axes.set_axis_off()
    figure.suptitle(f"Epochs 1 to {count} of a run with seed {seed}, before normalisation", fontsize=9)
    return figure


def _mixed(weights: tf.Tensor, own: int) -> str:
    """Returns the name of a mixture, from the weights of all images in it."""
    others = [(share, i) for i, share in enumerate(weights.numpy()) if i != own and share > 0.005]
    return ", ".join(f"{share:.0%} of image {i + 1}" for share, i in others)
