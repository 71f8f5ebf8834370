"""Profiles some training steps for TensorBoard."""

import contextlib
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerasclf.log import Log

# The first call of the training function traces and compiles, and the second one may still allocate.
_SKIPPED_CALLS = 2
_PROFILED_CALLS = 10


class ProfileSteps(keras.callbacks.Callback):
    """Profiles the calls of the training function after the first two, at most ten of one epoch.

    A call has one or several steps. A training with fewer calls has no profile. A profiler that fails, for example
    because it may not read the counters of a GPU, does not stop the training.

    Args:
        folder: Folder of the profile.
        log: Receives the reason if there is no profile.
    """

    def __init__(self, folder: Path, log: Log) -> None:
        super().__init__()
        self.folder, self.log = folder, log
        self._calls, self._is_running = 0, False

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._calls == _SKIPPED_CALLS and not self._is_running:
            try:
                tf.profiler.experimental.start(str(self.folder))
                self._is_running = True
            except (tf.errors.OpError, OSError) as error:
                self.log(f"no profile: {error}")
        self._calls += 1

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if self._calls >= _SKIPPED_CALLS + _PROFILED_CALLS:
            self._stop()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._stop()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._stop()

    def _stop(self) -> None:
        if not self._is_running:
            return
        self._is_running = False
        with contextlib.suppress(tf.errors.UnavailableError):  # another profiler of this process has ended it
            tf.profiler.experimental.stop()
