"""Measures the share of the training time in which the network waits for its next batch.

Keras fetches batches inside a compiled function, with one or several steps per call, and a GPU computes steps after the
function has started them. The time between the request for a batch and its delivery may therefore overlap with a step.
Two more moments are certain: when a call began, and when its results were there. The rest follows: a step starts when
its batch is there and the step before has ended.
"""

import time
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.pipeline.batches import without_autograph

Moments = Sequence[float] | NDArray[np.float64]


class MeasureWaiting(keras.callbacks.Callback):
    """Measures how long the training steps of each epoch wait for data.

    Add it after a callback that reads the loss of each call. A GPU has computed the steps only then.

    Args:
        steps: Training batches per epoch.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        # When each batch of the epoch was requested and delivered. TensorFlow writes it: calling Python for each batch
        # took a tenth of the speed of BaseNet.
        with tf.device("CPU:0"):
            self._moments = tf.Variable(tf.fill((2, steps), tf.constant(np.nan, tf.float64)), trainable=False)
        self._first, self._start, self._is_first_call = 0, 0.0, True
        self._calls: list[tuple[slice, float, float]] = []  # the batches of each call, its start and its end

    def watch(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the same batches. The moments at which each of them is requested and delivered are recorded."""

        def requested(number: tf.Tensor) -> tf.Tensor:
            with tf.control_dependencies([self._note_time(0, number)]):
                return tf.identity(number)

        def delivered(number: tf.Tensor, batch: Any) -> Any:
            with tf.control_dependencies([self._note_time(1, number)]):
                return tf.nest.map_structure(tf.identity, batch)

        # The last stages, after prefetching: they run when the training function asks for a batch, one after the other.
        numbers = tf.data.Dataset.range(self._moments.shape[1]).map(without_autograph(requested))
        options = tf.data.Options()
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(numbers, batches).map(without_autograph(delivered)).with_options(options)

    @property
    def share(self) -> float:
        """The share of the epoch's steps so far in which the network waited for data, from 0 to 1.

        It leaves out the first call of a training, which traces and compiles. It also leaves out calls during which the
        clock of the system was set back.
        """
        requested, delivered = self._moments.numpy()
        spent_waiting = measured = 0.0
        for steps, start, end in self._calls:
            if end > start and np.isfinite(delivered[steps]).all():
                spent_waiting += waited(start, requested[steps], delivered[steps], end)
                measured += end - start
        return min(max(spent_waiting / measured, 0.0), 1.0) if measured else 0.0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._is_first_call = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._moments.assign(tf.fill(self._moments.shape, tf.constant(np.nan, tf.float64)))
        self._calls = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._first, self._start = batch, time.time()

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._is_first_call:
            self._calls.append((slice(self._first, batch + 1), self._start, time.time()))
        self._is_first_call = False

    def _note_time(self, row: int, number: tf.Tensor) -> tf.Operation:
        place = tf.stack([tf.constant(row, tf.int64), number])
        return tf.raw_ops.ResourceScatterNdUpdate(
            ref=self._moments.handle, indices=place[tf.newaxis], updates=_now()[tf.newaxis]
        )


def _now() -> tf.Tensor:
    """Returns the time of the system, in seconds, as `time.time` does."""
    return tf.timestamp()


def waited(start: float, requested: Moments, delivered: Moments, end: float) -> float:
    """Returns the seconds that some steps in a row waited for data.

    All steps take one time c. A step starts when its batch is there and the step before has ended. So `end` is at least
    c · n after the delivery of the batch that n steps need, and c is the largest time that all of them allow. The steps
    never waited longer than the time from the requests to the deliveries.

    Args:
        start: When the first step could start, in seconds.
        requested: When the batch of each step was requested.
        delivered: When it was there.
        end: When all steps had ended.

    Example:
        >>> from kerasclf.training.waiting import waited
        >>> waited(0.0, [0.0], [1.0], 3.0)  # one step that waited one second and computed for two
        1.0
        >>> waited(0.0, [0.0, 0.1, 1.0], [0.1, 1.0, 2.0], 3.1)  # steps of one second; two batches came meanwhile
        0.1
    """
    asked, ready = np.maximum(requested, start), np.maximum(delivered, start)
    left = np.arange(len(ready), 0, -1)
    step = max(0.0, float(((end - ready) / left).min()))
    return round(min(float((ready - asked).sum()), end - start - len(ready) * step), 9)
