"""The decision line of the perceptron during training, as a strip of frames and as an animation."""

import io
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.report.figures.themes import color_of, ink, paper, settings
from kerasclf.studies.illustrations import Arrays

# Epochs in the strip: the line moves most at the start.
_STRIP = (0, 1, 2, 3, 5, 15)
_FRAME_MS, _LAST_FRAME_MS = 500, 2000
# The first class is blue and the second orange, as in the data set `points`.
_COLORS = (0, 1)


def draw_decision(decision: Arrays, theme: str = "light", narrow: bool = False) -> NotebookFigure:
    """Draws the perceptron's output over the plane after some of its epochs, and the line where it is 0.5."""
    arrays, _ = decision
    last = len(arrays["shares"]) - 1
    epochs = sorted({min(epoch, last) for epoch in _STRIP})
    with matplotlib.rc_context(settings(theme)):
        columns = 1 if narrow else (len(epochs) + 1) // 2
        rows = -(-len(epochs) // columns) if narrow else 2
        figure = NotebookFigure(figsize=(4.4, 3.2 * rows) if narrow else (10, 6.4))
        grid = np.atleast_1d(figure.subplots(rows, columns, sharex=True, sharey=True)).ravel()
        for axes in grid[len(epochs) :]:
            axes.set_visible(False)
        for axes, epoch in zip(grid, epochs, strict=False):
            _draw_frame(axes, decision, epoch, theme)
        return figure


def animate_decision(decision: Arrays) -> bytes:
    """Returns an animated GIF with one frame per epoch; it pauses on the last frame and repeats."""
    frames = [_frame(decision, epoch) for epoch in range(len(decision[0]["shares"]))]
    buffer = io.BytesIO()
    durations = [_FRAME_MS] * (len(frames) - 1) + [_LAST_FRAME_MS]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return buffer.getvalue()


def _frame(decision: Arrays, epoch: int) -> Image.Image:
    with matplotlib.rc_context(settings("light")):
        figure = NotebookFigure(figsize=(4.8, 4.2), dpi=100)
        _draw_frame(figure.subplots(), decision, epoch, "light")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=100)
    with Image.open(buffer) as image:
        return image.convert("RGB").quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


def _draw_frame(axes: Axes, decision: Arrays, epoch: int, theme: str) -> None:
    arrays, described = decision
    colors = [color_of(index, theme) for index in _COLORS]
    # Few shades: the palette of a GIF must hold all of them.
    shades = LinearSegmentedColormap.from_list("output", [colors[0], paper(theme), colors[1]], N=21)
    share, x, y = arrays["shares"][epoch], arrays["x"], arrays["y"]
    axes.pcolormesh(x, y, share, cmap=shades, vmin=0, vmax=1, alpha=0.45, shading="nearest", rasterized=True)
    if share.min() < 0.5 < share.max():
        axes.contour(x, y, share, levels=[0.5], colors=[ink(theme)], linewidths=1.8)
    _draw_points(axes, decision, colors, described["class_names"])
    axes.set_xlim(x[0], x[-1])
    axes.set_ylim(y[0], y[-1])
    axes.set_title(
        f"epoch {epoch}: {arrays['right'][epoch]:.0%} correct" if epoch else "before training: no line", fontsize=10
    )
    axes.grid(visible=False)


def _draw_points(axes: Axes, decision: Arrays, colors: Sequence[str], names: Sequence[str]) -> None:
    points, labels = decision[0]["points"], decision[0]["labels"]
    for label, (color, marker) in enumerate(zip(colors, "os", strict=True)):
        chosen = points[labels == label]
        axes.plot(*chosen.T, marker, color=color, markersize=3.5, label=for_figure(names[label]))
