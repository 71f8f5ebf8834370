"""The picture of a training that goes on: its curves so far, and the place in a notebook where they are replaced.

Needs neither TensorFlow nor a notebook.
"""

import io
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kerasclf.training.listener import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Drawing takes about a tenth of a second; epochs of small networks take less.
EVERY_S = 1.0

# Okabe and Ito's blue and vermilion.
_TRAINING, _VALIDATION = "#0072B2", "#D55E00"
_LABELS = {"loss": "loss (nats)", "macro_f1": "macro F1"}


def draw_history(rows: Sequence[Row], title: str = "", epochs: int | None = None) -> "Figure":
    """Draws loss and every metric over the epochs so far, training and validation.

    Args:
        rows: An epoch each; `loss` and other metrics, those of validation with `val_` before their name.
        title: Above the curves.
        epochs: How many there will be; the axes reach so far.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    metrics = _metrics(rows)
    figure = Figure(figsize=(4.6 * max(len(metrics), 1), 3.4), layout="constrained")
    numbers = [row["epoch"] for row in rows]
    for axes, metric in zip(figure.subplots(1, max(len(metrics), 1), squeeze=False)[0], metrics, strict=False):
        for prefix, color, label in (("", _TRAINING, "training"), ("val_", _VALIDATION, "validation")):
            if f"{prefix}{metric}" in rows[-1]:
                values = [row.get(f"{prefix}{metric}") for row in rows]
                axes.plot(numbers, values, color=color, label=label, marker="." if len(rows) < 20 else "")
        axes.set_xlim(1 if len(rows) > 1 or epochs else None, max(epochs or 0, numbers[-1], 2))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch")
        axes.set_ylabel(_LABELS.get(metric, metric))
        axes.grid(color="#e4e4e4")
        axes.legend(frameon=False)
    figure.suptitle(title)
    return figure


def png_of(figure: "Figure") -> bytes:
    """Returns a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


class Screen:
    """A place in a notebook's output where a picture is replaced by the next one; nothing elsewhere."""

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, png: bytes) -> None:
        """Shows a picture, in the place of the last one."""
        if not in_notebook():
            return
        from IPython.display import Image, display

        picture = Image(data=png)
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)


def in_notebook() -> bool:
    """Returns whether this process belongs to a notebook that can show pictures; imports nothing to find out."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and hasattr(found, "kernel")


def _metrics(rows: Sequence[Row]) -> list[str]:
    """Returns the names of what is followed, loss first."""
    not_metrics = {"epoch", "phase", "learning_rate", "seconds", "images_per_second"}
    names = [name for name in (rows[-1] if rows else {}) if name not in not_metrics and not name.startswith("val_")]
    return sorted(names, key=lambda name: name != "loss")
