"""The figure of a running training. Importing this module does not import TensorFlow."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kerasclf.escaping import for_figure
from kerasclf.notebook_figure import NotebookFigure
from kerasclf.training.listener import Row

METRIC_LABELS = {
    "loss": "Loss (cross-entropy; lower is better)",
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
}

# Minimum seconds between two figures. Drawing takes about 0.1 s, more than an epoch of a small network.
EVERY_S = 1.0

# Okabe and Ito's blue and vermilion.
_TRAINING, _VALIDATION = "#0072B2", "#D55E00"

# Values are outliers if they are at most this share of all, and the others would fill at most this share of the axis.
_MAX_OUTLIERS, _MIN_FILLED = 0.25, 1 / 8
# The lowest outlier is at least this many times as far from the minimum as the highest other value.
_GAP = 3.0
_MAX_TITLE = 100  # characters


def draw_history(rows: Sequence[Row], title: str = "", epochs: int | None = None) -> NotebookFigure:
    """Draws the loss and every metric over the epochs so far, for training and validation.

    Args:
        rows: One row per epoch: `loss` and other metrics, those of validation with the prefix `val_`.
        title: Title of the figure.
        epochs: Number of epochs on the horizontal axes; None ends them at the last row.
    """
    metrics = _metrics(rows)
    figure = NotebookFigure(figsize=(4.6 * max(len(metrics), 1), 3.4), layout="constrained")
    numbers = [row["epoch"] for row in rows]
    for axes, metric in zip(figure.subplots(1, max(len(metrics), 1), squeeze=False)[0], metrics, strict=False):
        for prefix, color, label in (("", _TRAINING, "training"), ("val_", _VALIDATION, "validation")):
            if f"{prefix}{metric}" in rows[-1]:
                values = [row.get(f"{prefix}{metric}") for row in rows]
                style = {"color": color, "linestyle": "--" if prefix else "-"}
                axes.plot(numbers, values, **style, label=label, marker="." if len(rows) < 20 else "")
        limit_outliers(axes, [row[name] for row in rows for name in (metric, f"val_{metric}") if name in row])
        last = numbers[-1] if epochs is None else max(epochs, numbers[-1])
        axes.set_xlim(*((1, last) if last > 1 else (0.5, 1.5)))  # a border would hide the points of a single epoch
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Epoch")
        axes.set_ylabel(METRIC_LABELS.get(metric, metric))
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid(color="#e4e4e4")
        axes.legend(frameon=False)
    figure.suptitle(for_figure(title, _MAX_TITLE))
    return figure


def limit_outliers(axes: Axes, values: Sequence[float] | NDArray[np.float64]) -> float | None:
    """Ends a vertical axis below a few values that would flatten all curves, and says so in the figure.

    Args:
        axes: Axes with curves.
        values: All values of the curves.

    Returns:
        The highest value that is shown, or None if no value is cut off.
    """
    ordered = np.sort(np.asarray(values, np.float64))
    ordered = ordered[np.isfinite(ordered)]
    heights = ordered - ordered[:1]
    outliers = [
        i
        for i in range(1, len(ordered))
        if heights[i] >= _GAP * heights[i - 1] > 0 and heights[i - 1] <= _MIN_FILLED * heights[-1]
    ]
    if not outliers or len(ordered) - outliers[-1] > _MAX_OUTLIERS * len(ordered):
        return None
    highest = float(ordered[outliers[-1] - 1])
    margin = 0.05 * (highest - ordered[0])
    axes.set_ylim(ordered[0] - margin, highest + margin)
    axes.text(
        0.99, 0.97, f"▲ above this axis, up to {ordered[-1]:.3g}",
        transform=axes.transAxes, ha="right", va="top", fontsize=8,
    )  # fmt: skip
    return highest


def _metrics(rows: Sequence[Row]) -> list[str]:
    """Returns the names of the metrics, loss first."""
    not_metrics = {"epoch", "phase", "learning_rate", "seconds", "images_per_second", "waiting_share"}
    names = [name for name in (rows[-1] if rows else {}) if name not in not_metrics and not name.startswith("val_")]
    return sorted(names, key=lambda name: name != "loss")
