"""Measures what a training will cost by some of its real steps."""

import time
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from kerasclf.data import ImageDataset
from kerasclf.pipeline import Augmentation
from kerasclf.training.config import TrainConfig
from kerasclf.training.train import NetworkFactory, prepare, validation_batches

# So many steps, but for so long at least, unless the images are used up before.
_STEPS = 10
_LEAST_S = 0.5
# Where an epoch has fewer steps than that.
_EPOCHS = 3


@dataclass(frozen=True)
class Rehearsal:
    """What a training costs, measured after warm-up.

    Args:
        startup_s: Seconds to build, trace and compile before the pace is reached.
        step_s: Seconds a training step, input and computation overlapping as they will.
        input_s: Seconds a batch takes the input pipeline alone.
        compute_s: Seconds a step takes with the batch at hand.
        validation_s: Seconds of one pass over the validation part.
        steps: Steps an epoch.
        parameters: Of the model.
        state_mb: What a checkpoint holds, in 10⁶ bytes.
    """

    startup_s: float
    step_s: float
    input_s: float
    compute_s: float
    validation_s: float
    steps: int
    parameters: int
    state_mb: float

    @property
    def epoch_s(self) -> float:
        """Seconds an epoch."""
        return self.steps * self.step_s + self.validation_s


def rehearse(
    dataset: ImageDataset,
    network: NetworkFactory,
    augmentation: Augmentation,
    config: TrainConfig,
    augment_validation: bool,
) -> Rehearsal:
    """Trains a few steps of an experiment and throws the result away."""
    began = time.perf_counter()
    ready = prepare(dataset, network, augmentation, config, seed=0)
    first = next(iter(ready.batches))
    same = tf.data.Dataset.from_tensors(first).repeat()
    with ready.strategy.scope():
        pace = Pace()
        ready.model.fit(ready.batches, epochs=_EPOCHS, callbacks=[pace], verbose=0, shuffle=False)
        startup_s = pace.first_s - began
        compute = Pace()
        ready.model.fit(
            same, steps_per_epoch=ready.steps, epochs=_EPOCHS, callbacks=[compute], verbose=0, shuffle=False
        )
        validation = validation_batches(dataset, config, augmentation, 0, ready.epoch, augment_validation)
        batches = int(validation.cardinality())
        some = validation.take(_STEPS)
        ready.model.evaluate(some, verbose=0)  # traces
        began = time.perf_counter()
        ready.model.evaluate(some, verbose=0)
        validation_s = (time.perf_counter() - began) * batches / min(batches, _STEPS)
    variables = [*ready.model.variables, *ready.model.optimizer.variables]
    return Rehearsal(
        startup_s=startup_s,
        step_s=pace.step_s,
        input_s=_seconds_a_batch(ready.batches),
        compute_s=compute.step_s,
        validation_s=validation_s,
        steps=ready.steps,
        parameters=ready.model.count_params(),
        state_mb=sum(float(tf.size(v.value)) * 4 for v in variables) / 1e6,
    )


class Pace(keras.callbacks.Callback):
    """Measures the pace between returns to Python, and ends the training when it is known."""

    def __init__(self) -> None:
        super().__init__()
        self.first_s = self.step_s = 0.0
        self._steps = self._epochs_steps = self._first_step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epochs_steps = self._steps

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now, self._steps = time.perf_counter(), self._epochs_steps + batch + 1
        if not self.first_s:  # this one contained tracing and compilation
            self.first_s, self._first_step = now, self._steps
            return
        done = self._steps - self._first_step
        self.step_s = (now - self.first_s) / done
        if done >= _STEPS and now - self.first_s >= _LEAST_S:
            self.model.stop_training = True


def _seconds_a_batch(batches: tf.data.Dataset) -> float:
    left = iter(batches)
    next(left)  # fills the buffers
    began, count = time.perf_counter(), 0
    for _ in left:
        count += 1
        if count >= _STEPS and time.perf_counter() - began >= _LEAST_S:
            break
    return (time.perf_counter() - began) / max(count, 1)
