"""The Keras callbacks of a training: epoch count, finite loss, history, halting."""

import math
import time
from typing import Any

import keras

from kerasclf.errors import TrainingError
from kerasclf.pipeline.batches import Epoch
from kerasclf.training.config import TrainConfig
from kerasclf.training.listener import TrainingListener
from kerasclf.training.resuming.halting import Halt, Halted
from kerasclf.training.waiting import MeasureWaiting


class CountEpochs(keras.callbacks.Callback):
    """Sets the epoch number that the input pipeline reads."""

    def __init__(self, epoch: Epoch) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.number = self.epoch.first + epoch


class StopWhenNotFinite(keras.callbacks.Callback):
    """Raises a TrainingError if the loss becomes nan or infinite. The message names the step and the likely cause."""

    def __init__(self, config: TrainConfig, learning_rate: float, steps: int) -> None:
        super().__init__()
        self.config, self.learning_rate, self.steps = config, learning_rate, steps
        self.epoch, self.last_step = 0, 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch, self.last_step = epoch, 0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = float((logs or {})["loss"])
        if math.isfinite(loss):
            self.last_step = batch + 1
            return
        first, last = self.last_step + 1, min(batch + 1, self.steps)
        where = f"step {first}" if first == last else f"steps {first} to {last}"
        raise TrainingError(
            f"The loss is {loss} in epoch {self.epoch + 1}, {where} of {self.steps}. {self._likely_cause()}"
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # The loss of a step precedes its update, so a last update can break the weights unnoticed until validation.
        for name, value in (logs or {}).items():
            if not math.isfinite(float(value)):
                raise TrainingError(f"The {name} is {float(value)} after epoch {epoch + 1}. {self._likely_cause()}")

    def _likely_cause(self) -> str:
        if self.config.precision == "mixed_float16":
            return "mixed_float16 overflows above 65,504: try precision='mixed_bfloat16' or 'float32'."
        remedies = [f"a learning rate below {self.learning_rate:g}"]
        if self.config.clip_norm is None:
            remedies.append("clip_norm=1.0")
        remedies.append("pixels that are normalised (rescale or featurewise_*)")
        return (
            f"The likely cause is a learning rate that is too high: try {', '.join(remedies[:-1])} or {remedies[-1]}."
        )


class RecordEpochs(keras.callbacks.Callback):
    """Records the metrics, learning rate and duration of each epoch, and notifies a listener.

    A duration counts the training steps without validation. This makes images/s comparable between experiments.
    `waiting_share` is the share of the steps in which the network waited for data.
    """

    def __init__(self, images: int, listener: TrainingListener) -> None:
        super().__init__()
        self.images, self.listener = images, listener
        self.waiting: MeasureWaiting | None = None  # that of the current phase
        self.phase: int | None = None  # the number of the phase, if a training has several
        self.rows: list[dict[str, float]] = []
        self.seconds = 0.0  # all finished epochs, validation included
        self.epoch_s = 0.0  # the last one
        self._start = self._last_step = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._start, self._last_step = time.perf_counter(), 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._last_step = time.perf_counter()
        self.listener.stepped(len(self.rows), batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = self._last_step - self._start
        row = {
            "epoch": len(self.rows) + 1,
            **({} if self.phase is None else {"phase": self.phase}),
            **{name: float(value) for name, value in (logs or {}).items() if name != "learning_rate"},
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": seconds,
            "images_per_second": self.images / seconds,
            **({} if self.waiting is None else {"waiting_share": self.waiting.share}),
        }
        self.rows.append(row)
        self.epoch_s = time.perf_counter() - self._start
        self.seconds += self.epoch_s
        self.listener.finished_epoch(row)


class HaltTraining(keras.callbacks.Callback):
    """Raises `Halted` when a `Halt` is due: after the checkpoint of an epoch, or before a resumed training starts."""

    def __init__(self, halt: Halt, record: RecordEpochs, epochs: int) -> None:
        super().__init__()
        self.halt, self.record, self.epochs = halt, record, epochs

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._halt_if_due()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.model.stop_training:  # a training that early stopping ends here is complete
            self._halt_if_due()

    def _halt_if_due(self) -> None:
        reason = self.halt.reason(self.record.rows, self.epochs)
        if reason:
            raise Halted(reason, self.record.rows)


def make_callbacks(config: TrainConfig) -> list[keras.callbacks.Callback]:
    """Returns the Keras callbacks that a TrainConfig requests, in the order in which they must run."""
    callbacks: list[keras.callbacks.Callback] = []
    if config.ema_momentum is not None:
        # Before early stopping, which must store the averaged weights as the best ones.
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    if config.schedule.name == "plateau":
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=config.schedule.monitor,
                factor=config.schedule.factor,
                patience=config.schedule.patience,
                min_lr=config.schedule.final_learning_rate,
            )
        )
    if config.early_stopping is not None:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=config.early_stopping.monitor,
                patience=config.early_stopping.patience,
                restore_best_weights=config.early_stopping.restore_best,
            )
        )
    return callbacks
