"""Figures of kernels, feature maps and Grad-CAM heat maps."""

import math
import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from PIL import Image

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.report.figures.themes import settings

_MAX_KERNELS = 64
_KERNELS_PER_ROW = 8
MAPS_PER_ROW = 8
# Of a narrow figure, for a phone.
_NARROW, _NARROW_COLUMNS = 4.4, 4

# A heat map with fewer cells per side says little about the position.
_FEW_CELLS = 5
_MAX_TITLE = 120  # characters
# Of a contact sheet, and characters of a line above an image.
_PAIRS_PER_ROW, _MAX_LINE = 4, 38
# Pixel value that is shown as white under a heat map, and how opaque the map is.
_DIMMED, _HEAT_ALPHA = 420, 0.6

Floats = NDArray[np.float32]
Pixels = NDArray[np.uint8]


def draw_kernels(layer: str, kernels: Floats, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws each kernel as a small image.

    Kernels of three input channels are drawn in colours, where grey is a weight of 0. Others are averaged over their
    channels and drawn from blue (negative) over white to red (positive).

    Args:
        layer: Name of the layer.
        kernels: Weights of shape (height, width, input channels, output channels).
        theme: light or dark.
        narrow: Whether the figure is for a phone.
    """
    height, width, channels, count = kernels.shape
    shown, columns = min(count, _MAX_KERNELS), _NARROW_COLUMNS if narrow else _KERNELS_PER_ROW
    rows = math.ceil(shown / columns)
    with matplotlib.rc_context(_plain(theme)):
        figure = NotebookFigure(figsize=(_NARROW if narrow else 8, 0.8 + 0.98 * rows))
        grid = np.atleast_2d(figure.subplots(rows, columns))
        largest = float(np.abs(kernels).max()) or 1.0
        for index, axes in enumerate(grid.flat):
            if index < shown:
                _draw_kernel(axes, kernels[..., index], largest)
                axes.set_title(str(index), fontsize=7)
            _bare(axes)
        limit = f" (first {shown} of {count})" if shown < count else ""
        averaged = "" if channels in (1, 3) else ", averaged over the channels"
        title = f"{for_figure(layer)}: {count} kernels of {height}×{width}×{channels}{limit}{averaged}"
        _head(figure, title, narrow)
        return figure


def draw_features(
    image: Pixels, layers: Sequence[tuple[str, str, Floats]], theme: str = "light", narrow: bool = False
) -> NotebookFigure:
    """Draws an image and, below it, one row per layer with its first feature maps.

    Args:
        image: Pixels 0–255 of shape (height, width, channels), with 1 or 3 channels.
        layers: Name of each layer, calculation of its output size, and its maps of shape (height, width, channels).
        theme: light or dark.
        narrow: Whether the figure is for a phone.
    """
    columns = _NARROW_COLUMNS if narrow else MAPS_PER_ROW
    with matplotlib.rc_context(_plain(theme)):
        figure = NotebookFigure(figsize=(_NARROW if narrow else 8, 1.5 + 1.35 * len(layers)))
        grid = figure.subplots(1 + len(layers), columns)
        for axes in grid.flat:
            _bare(axes)
            axes.set_axis_off()
        grid[0, 0].imshow(_shown(image), cmap="gray", vmin=0, vmax=255)
        _entitle(grid[0, 0], f"{image.shape[0]}×{image.shape[1]}×{image.shape[2]}")
        for row, (name, arithmetic, maps) in zip(grid[1:], layers, strict=True):
            for index, axes in enumerate(row[: maps.shape[-1]]):
                axes.imshow(maps[..., index], cmap="cividis")
            height, width, channels = maps.shape
            size = f"{height}×{width}×{channels}"
            _entitle(row[0], f"{for_figure(name)}: {size}{'   ' + for_figure(arithmetic) if arithmetic else ''}")
        _head(figure, f"Feature maps, up to {columns} per layer; output size (W − F + 2P)/S + 1", narrow)
        return figure


def draw_attention(
    image: Pixels, heat: Floats, title: str, theme: str = "light", narrow: bool = False
) -> NotebookFigure:
    """Draws an image, and next to it the same image under a heat map. The title names the size of the heat map.

    Args:
        image: Pixels 0–255 of shape (height, width, channels), with 1 or 3 channels.
        heat: Values from 0 to 1 of shape (height, width); any size is resized to the image's.
        title: Title of the figure.
        theme: light or dark.
        narrow: Whether the figure is for a phone.
    """
    height, width = image.shape[:2]
    large = np.asarray(Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR))
    with matplotlib.rc_context(_plain(theme)):
        figure = NotebookFigure(figsize=(_NARROW, 7.4) if narrow else (8, 4.1))
        left, right = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
        left.imshow(_shown(image), cmap="gray", vmin=0, vmax=255)
        # A dimmed image lets the heat stand out on white areas.
        right.imshow(_shown(image.mean(axis=-1, keepdims=True)), cmap="gray", vmin=0, vmax=_DIMMED)
        drawn = right.imshow(large, cmap="inferno", vmin=0, vmax=1, alpha=_HEAT_ALPHA)
        figure.colorbar(drawn, ax=right, shrink=0.8, label="evidence for the class")
        for axes in (left, right):
            _bare(axes)
        cells = f"from {heat.shape[0]}×{heat.shape[1]} cells"
        coarse = ", which show only roughly where" if min(heat.shape) < _FEW_CELLS else ""
        right.set_xlabel(f"{cells}{coarse}", fontsize=9)
        _head(figure, for_figure(title, _MAX_TITLE), narrow)
        return figure


def draw_contact_sheet(images: Pixels, heats: Sequence[Floats], titles: Sequence[tuple[str, str]]) -> NotebookFigure:
    """Draws many images, each beside the same image under its heat map.

    Args:
        images: Pixels 0–255 of shape (n, height, width, channels), with 1 or 3 channels.
        heats: The heat map of each, from 0 to 1; any size is resized to the image's.
        titles: What stands above each image in two lines, such as its class and its file.
    """
    columns = min(_PAIRS_PER_ROW, len(images))
    rows = math.ceil(len(images) / columns)
    with matplotlib.rc_context(_plain("light")):
        figure = NotebookFigure(figsize=(3.2 * columns, 0.5 + 1.95 * rows))
        grid = np.atleast_2d(figure.subplots(rows, 2 * columns))
        for axes in grid.flat:
            _bare(axes)
            axes.set_axis_off()
        for position, (image, heat, lines) in enumerate(zip(images, heats, titles, strict=True)):
            row, column = divmod(position, columns)
            left, right = grid[row, 2 * column : 2 * column + 2]
            left.imshow(_shown(image), cmap="gray", vmin=0, vmax=255)
            right.imshow(heat_overlay(Image.fromarray(_shown(image)), heat))
            left.set_title(" \n ", fontsize=8)
            text = "\n".join(for_figure(line, _MAX_LINE) for line in lines)
            left.text(0, 1.04, text, transform=left.transAxes, fontsize=8, va="bottom").set_in_layout(False)
        _head(
            figure, f"Evidence for the class above each image, from {'×'.join(map(str, heats[0].shape))} cells", False
        )
        return figure


def heat_overlay(image: Image.Image, heat: Floats) -> Pixels:
    """Returns an image under a heat map, uint8 of shape (height, width, 3), as the figures show it.

    Args:
        image: The image, in grey or in colours.
        heat: Values from 0 to 1 of shape (rows, columns); any size is resized to the image's.
    """
    large = Image.fromarray(heat.astype(np.float32)).resize(image.size, Image.Resampling.BILINEAR)
    colors = matplotlib.colormaps["inferno"](np.asarray(large).clip(0, 1))[..., :3]
    # A dimmed image lets the heat stand out on white areas.
    dimmed = np.asarray(image.convert("L"), np.float64)[..., None] / _DIMMED
    return np.asarray((_HEAT_ALPHA * colors + (1 - _HEAT_ALPHA) * dimmed) * 255, np.uint8)


def _head(figure: NotebookFigure, title: str, narrow: bool) -> None:
    figure.suptitle(textwrap.fill(title, 45 if narrow else 95), fontsize=11)


def _plain(theme: str) -> dict[str, object]:
    return {**settings(theme), "axes.grid": False}


def _draw_kernel(axes: Axes, kernel: Floats, largest: float) -> None:
    if kernel.shape[-1] == 3:
        axes.imshow((kernel / largest + 1) / 2)
    else:
        axes.imshow(kernel.mean(axis=-1), cmap="RdBu_r", vmin=-largest, vmax=largest)


def _entitle(axes: Axes, text: str) -> None:
    """Writes a title above a row of axes; the layout reserves its height but not its width."""
    axes.set_title(" ", fontsize=8)
    axes.text(0, 1.04, text, transform=axes.transAxes, fontsize=8, va="bottom").set_in_layout(False)


def _shown(image: NDArray[np.generic]) -> NDArray[np.generic]:
    return image[..., 0] if image.shape[-1] == 1 else image


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
