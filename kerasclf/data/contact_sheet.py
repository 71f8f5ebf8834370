"""A contact sheet: a row of images for each class, for a look at a data set."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure

_CELL_IN, _NAME_IN = 0.8, 1.8  # an image, and the name in front of its row, in inches


def draw_classes(rows: Mapping[str, NDArray[np.uint8]]) -> NotebookFigure:
    """Draws the images of each class in a row behind its name.

    Args:
        rows: The images by the name of their class, uint8 of shape (n, height, width, channels).
    """
    columns = max(map(len, rows.values()))
    size = (_NAME_IN + _CELL_IN * columns, _CELL_IN * len(rows))
    figure = NotebookFigure(figsize=size, layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for of_class, (name, images) in zip(grid, rows.items(), strict=True):
        of_class[0].text(-0.1, 0.5, for_figure(name), ha="right", va="center", transform=of_class[0].transAxes)
        for axes in of_class:
            axes.set_axis_off()
        for axes, pixels in zip(of_class, images, strict=False):
            axes.imshow(pixels[..., 0] if pixels.shape[-1] == 1 else pixels, cmap="gray", vmin=0, vmax=255)
    return figure
