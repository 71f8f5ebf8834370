"""Figures of what a network sees: kernels, feature maps, and where it looks."""

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from kerasclf.report.themes import settings

_MOST_KERNELS = 64
_KERNELS_A_ROW = 8
MAPS_A_ROW = 8

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def draw_kernels(layer: str, kernels: Floats, theme: str = "light") -> Figure:
    """Draws kernels of shape (height, width, channels in, channels out), one a square.

    Those of three channels as colours, of which grey is no weight; others, averaged over the channels, from blue for
    negative over white to red.
    """
    height, width, channels, count = kernels.shape
    shown = min(count, _MOST_KERNELS)
    rows = math.ceil(shown / _KERNELS_A_ROW)
    with matplotlib.rc_context(_plain(theme)):
        figure = Figure(figsize=(8, 0.8 + 0.98 * rows))
        grid = np.atleast_2d(figure.subplots(rows, _KERNELS_A_ROW))
        most = float(np.abs(kernels).max()) or 1.0
        for place, axes in enumerate(grid.flat):
            if place < shown:
                _draw_kernel(axes, kernels[..., place], most)
                axes.set_title(str(place), fontsize=7)
            _bare(axes)
        of_all = f" (the first {shown} of {count})" if shown < count else ""
        averaged = "" if channels in (1, 3) else ", averaged over the channels"
        figure.suptitle(f"{layer}: {count} kernels of {height}×{width}×{channels}{of_all}{averaged}", fontsize=11)
        return figure


def draw_features(image: Pixels, layers: Sequence[tuple[str, str, Floats]], theme: str = "light") -> Figure:
    """Draws an image and, below it, a row for each layer: what is said of it, and its first maps.

    Args:
        image: Pixels 0–255 of shape (height, width, channels), 1 or 3 of them.
        layers: The name of each layer, its size arithmetic, and its maps of shape (height, width, channels).
        theme: light or dark.
    """
    with matplotlib.rc_context(_plain(theme)):
        figure = Figure(figsize=(8, 1.5 + 1.35 * len(layers)))
        grid = figure.subplots(1 + len(layers), MAPS_A_ROW)
        for axes in grid.flat:
            _bare(axes)
            axes.set_axis_off()
        grid[0, 0].imshow(_shown(image), cmap="gray", vmin=0, vmax=255)
        _entitle(grid[0, 0], f"{image.shape[0]}×{image.shape[1]}×{image.shape[2]}")
        for row, (name, arithmetic, maps) in zip(grid[1:], layers, strict=True):
            for place, axes in enumerate(row[: maps.shape[-1]]):
                axes.imshow(maps[..., place], cmap="cividis")
            height, width, channels = maps.shape
            size = f"{height}×{width}×{channels}"
            _entitle(row[0], f"{name}: {size}{'   ' + arithmetic if arithmetic else ''}")
        figure.suptitle(f"Feature maps, at most {MAPS_A_ROW} a layer; size (W − F + 2P)/S + 1", fontsize=11)
        return figure


def draw_attention(image: Pixels, heat: Floats, title: str, theme: str = "light") -> Figure:
    """Draws an image, and beside it the same under a heat map of any size with values from 0 to 1."""
    height, width = image.shape[:2]
    large = np.asarray(Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    with matplotlib.rc_context(_plain(theme)):
        figure = Figure(figsize=(8, 4.1))
        left, right = figure.subplots(1, 2)
        left.imshow(_shown(image), cmap="gray", vmin=0, vmax=255)
        # Dimmed, so that the heat stands out on what is white.
        right.imshow(_shown(image.mean(axis=-1, keepdims=True)), cmap="gray", vmin=0, vmax=420)
        drawn = right.imshow(large, cmap="inferno", vmin=0, vmax=1, alpha=0.6)
        figure.colorbar(drawn, ax=right, shrink=0.8, label="speaks for the class")
        for axes in (left, right):
            _bare(axes)
        figure.suptitle(title, fontsize=11)
        return figure


def _plain(theme: str) -> dict[str, object]:
    return {**settings(theme), "axes.grid": False}


def _draw_kernel(axes: Axes, kernel: Floats, most: float) -> None:
    if kernel.shape[-1] == 3:
        axes.imshow((kernel / most + 1) / 2)
    else:
        axes.imshow(kernel.mean(axis=-1), cmap="RdBu_r", vmin=-most, vmax=most)


def _entitle(axes: Axes, text: str) -> None:
    """Writes above a row of axes, as wide as it likes: the layout keeps the height for it and not the width."""
    axes.set_title(" ", fontsize=8)
    axes.text(0, 1.04, text, transform=axes.transAxes, fontsize=8, va="bottom").set_in_layout(False)


def _shown(image: NDArray[np.generic]) -> NDArray[np.generic]:
    return image[..., 0] if image.shape[-1] == 1 else image


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
