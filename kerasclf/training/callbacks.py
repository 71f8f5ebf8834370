"""What happens between steps and epochs while a network trains."""

import math
import time
from typing import Any

import keras

from kerasclf.errors import TrainingError
from kerasclf.pipeline.batches import Epoch
from kerasclf.training.config import TrainConfig
from kerasclf.training.halting import Halt, Halted
from kerasclf.training.listener import TrainingListener


class CountEpochs(keras.callbacks.Callback):
    """Tells the input pipeline which epoch comes next."""

    def __init__(self, epoch: Epoch) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.number = self.epoch.first + epoch


class StopWhenNotFinite(keras.callbacks.Callback):
    """Ends a training whose loss is nan or infinite, with the place and the likely cause."""

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
    """Keeps each epoch's metrics with its learning rate and duration, and passes progress to a listener.

    A duration counts the training steps alone, without validation, so that images/s compare between experiments.
    """

    def __init__(self, images: int, listener: TrainingListener) -> None:
        super().__init__()
        self.images, self.listener = images, listener
        self.phase: int | None = None  # its number, where a training has several
        self.rows: list[dict[str, float]] = []
        self.seconds = 0.0  # of finished epochs, validation included
        self._began = self._trained = 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._began, self._trained = time.perf_counter(), 0.0

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._trained = time.perf_counter()
        self.listener.stepped(len(self.rows), batch + 1)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        seconds = self._trained - self._began
        row = {
            "epoch": len(self.rows) + 1,
            **({} if self.phase is None else {"phase": self.phase}),
            **{name: float(value) for name, value in (logs or {}).items() if name != "learning_rate"},
            "learning_rate": float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
            "seconds": seconds,
            "images_per_second": self.images / seconds,
        }
        self.rows.append(row)
        self.seconds += time.perf_counter() - self._began
        self.listener.finished_epoch(row)


class HaltWhenTold(keras.callbacks.Callback):
    """Breaks a training off at the end of an epoch whose state is kept, or before it goes on from there."""

    def __init__(self, halt: Halt, record: RecordEpochs, epochs: int) -> None:
        super().__init__()
        self.halt, self.record, self.epochs = halt, record, epochs

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._look()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if not self.model.stop_training:  # early stopping ends it here anyway, and it is complete
            self._look()

    def _look(self) -> None:
        reason = self.halt.reason(self.record.rows, self.epochs)
        if reason:
            raise Halted(reason, self.record.rows)


def make_callbacks(config: TrainConfig) -> list[keras.callbacks.Callback]:
    """Returns Keras' own callbacks that a TrainConfig asks for, in the order in which they must run."""
    callbacks: list[keras.callbacks.Callback] = []
    if config.ema_momentum is not None:
        # Before early stopping, so that the best weights it keeps are the averaged ones.
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
