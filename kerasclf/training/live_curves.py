"""Curves that grow while a network trains: in a notebook, where they are drawn anew in place, and as a PNG.

    train(..., callbacks=[LiveCurves("curves.png")])

In a notebook `LiveCurves()` is enough. It works with Keras' own `model.fit` as well.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from kerasclf.files import write_bytes
from kerasclf.training.history_figure import EVERY_S, Screen, draw_history, png_of
from kerasclf.training.listener import Row


class LiveCurves(keras.callbacks.Callback):
    """Draws loss and metrics while a network trains; looks on and changes nothing.

    Args:
        path: Where to write the curves as PNG, each time whole; None writes none.
        title: Above the curves.
    """

    def __init__(self, path: Path | str | None = None, title: str = "") -> None:
        super().__init__()
        self.path, self.title = None if path is None else Path(path), title
        self.rows: list[Row] = []
        self._screen, self._drawn = Screen(), 0.0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        # Counted on over the phases of a training.
        self.rows.append({"epoch": len(self.rows) + 1, **{name: float(value) for name, value in (logs or {}).items()}})
        if time.monotonic() - self._drawn >= EVERY_S:
            self._draw()

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.rows:
            self._draw()

    def _draw(self) -> None:
        png = png_of(draw_history(self.rows, self.title))
        if self.path is not None:
            write_bytes(self.path, png)
        self._screen.show(png)
        self._drawn = time.monotonic()
