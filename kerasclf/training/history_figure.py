"""The figure of a running training. Importing this module does not import TensorFlow."""

from collections.abc import Sequence

from matplotlib.ticker import MaxNLocator

from kerasclf.notebook_figure import NotebookFigure
from kerasclf.training.listener import Row

# Minimum seconds between two figures. Drawing takes about 0.1 s, more than an epoch of a small network.
EVERY_S = 1.0

# Okabe and Ito's blue and vermilion.
_TRAINING, _VALIDATION = "#0072B2", "#D55E00"
_LABELS = {"loss": "loss (nats)", "macro_f1": "macro F1"}


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
                axes.plot(numbers, values, color=color, label=label, marker="." if len(rows) < 20 else "")
        last = numbers[-1] if epochs is None else max(epochs, numbers[-1])
        axes.set_xlim(1 if len(rows) > 1 or epochs is not None else None, max(last, 2))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(_LABELS.get(metric, metric))
        axes.grid(color="#e4e4e4")
        axes.legend(frameon=False)
    figure.suptitle(title)
    return figure


def _metrics(rows: Sequence[Row]) -> list[str]:
    """Returns the names of the metrics, loss first."""
    not_metrics = {"epoch", "phase", "learning_rate", "seconds", "images_per_second"}
    names = [name for name in (rows[-1] if rows else {}) if name not in not_metrics and not name.startswith("val_")]
    return sorted(names, key=lambda name: name != "loss")
