"""`LiveCurves`: shows the metrics of a running training in a notebook or as a PNG file."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from kerasclf.files.writing import write_bytes
from kerasclf.notebook_figure import png_of
from kerasclf.notebooks import Screen
from kerasclf.training.history_figure import EVERY_S, draw_history
from kerasclf.training.listener import Row


class LiveCurves(keras.callbacks.Callback):
    """Draws the loss and the metrics while a network trains. It does not change the training.

    A notebook shows one figure that is updated after each epoch. `model.fit` of Keras accepts this callback too.

    Args:
        path: PNG file to write atomically after each epoch; None writes no file.
        title: Title of the figure.

    Example:
        ```
        train(dataset, recipe, callbacks=[LiveCurves("curves.png")])
        ```
    """

    def __init__(self, path: Path | str | None = None, title: str = "") -> None:
        super().__init__()
        self.path, self.title = None if path is None else Path(path), title
        self.rows: list[Row] = []
        self._screen, self._drawn = Screen(), 0.0

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        # Keras restarts its count in each phase; this one continues.
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
