"""Rehearses a training: measures its cost in a few real training steps."""

import time
from typing import Any

import keras
import tensorflow as tf

from kerasclf.data import ImageDataset
from kerasclf.pipeline.batches import read_errors
from kerasclf.training.assembly import build_model
from kerasclf.training.devices import device_errors
from kerasclf.training.faster import faster_layers
from kerasclf.training.phase_inputs import make_phase_inputs
from kerasclf.training.recipe import Recipe
from kerasclf.training.rehearsal_result import Rehearsal
from kerasclf.training.training_setup import TrainingSetup, prepare_phase

# A measurement ends after this many steps and seconds, or with the images.
_STEPS, _MIN_S = 10, 0.5
# If steps are slow, it ends after this many seconds and steps.
_MAX_S, _MIN_STEPS = 6.0, 2
# Maximum number of epochs, for epochs with fewer steps.
_EPOCHS = 3
# Number of images whose activations are computed to measure the time per image.
_SAMPLE = 32


def rehearse(dataset: ImageDataset, recipe: Recipe) -> Rehearsal:
    """Trains a few steps of a recipe's last phase and discards the result.

    Raises:
        DeviceMemoryError: If the device has no memory left.
    """
    with device_errors():
        return _rehearse(dataset, recipe)


def _rehearse(dataset: ImageDataset, recipe: Recipe) -> Rehearsal:
    began = time.perf_counter()
    built = build_model(dataset, recipe)
    building_s = time.perf_counter() - began
    inputs = make_phase_inputs(built, dataset, recipe.last, sample=_SAMPLE)
    began = time.perf_counter() - building_s  # excludes the extraction of the sample
    setup = prepare_phase(built, inputs, dataset, recipe.last)
    pace = Pace()
    _fit(setup, setup.batches, pace)
    compute = Pace()
    _fit(setup, tf.data.Dataset.from_tensors(next(iter(setup.batches))), compute)
    variables = [*setup.model.variables, *setup.model.optimizer.variables]
    return Rehearsal(
        startup_s=pace.first_s - began,
        step_s=pace.step_s,
        input_s=_batch_s(setup.batches),
        compute_s=compute.step_s,
        validation_s=_validation_s(setup, slow=pace.step_s > _MAX_S / _STEPS),
        steps=setup.steps,
        parameters=built.assembled.model.count_params(),
        trainable=inputs.counts.trainable,
        state_mb=sum(float(tf.size(v.value)) * 4 for v in variables) / 1e6,
        cache=str(inputs.frozen.point.cache.folder) if inputs.frozen else "",
        extraction_s=inputs.extraction_s,
        cache_mb=inputs.cache_mb,
    )


class Pace(keras.callbacks.Callback):
    """Measures the seconds per step, and ends the training after enough of them."""

    def __init__(self) -> None:
        super().__init__()
        self.first_s = self.step_s = 0.0
        self._steps = self._steps_before_epoch = self._first_step = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._steps_before_epoch = self._steps

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        now, self._steps = time.perf_counter(), self._steps_before_epoch + batch + 1
        if not self.first_s:  # the first return to Python includes tracing and compilation
            self.first_s, self._first_step = now, self._steps
            return
        done, seconds = self._steps - self._first_step, now - self.first_s
        self.step_s = seconds / done
        if (done >= _STEPS and seconds >= _MIN_S) or (done >= _MIN_STEPS and seconds >= _MAX_S):
            self.model.stop_training = True


def _fit(setup: TrainingSetup, batches: tf.data.Dataset, pace: Pace) -> None:
    with read_errors(), faster_layers(setup.model, setup.strategy):
        setup.model.fit(
            batches.repeat(), steps_per_epoch=setup.steps, epochs=_EPOCHS, callbacks=[pace], verbose=0, shuffle=False
        )


def _validation_s(setup: TrainingSetup, slow: bool) -> float:
    if setup.validation is None:
        return 0.0
    batches = int(setup.validation.cardinality())
    measured = 1 if slow else min(batches, _STEPS)
    few = setup.validation.take(measured)
    with faster_layers(setup.model, setup.strategy):
        setup.model.evaluate(few, verbose=0)  # traces
        began = time.perf_counter()
        setup.model.evaluate(few, verbose=0)
    return (time.perf_counter() - began) * batches / measured


def _batch_s(batches: tf.data.Dataset) -> float:
    """Returns the seconds per batch, without the first one."""
    iterator = iter(batches)
    next(iterator)
    began, count = time.perf_counter(), 0
    for _ in iterator:
        count, seconds = count + 1, time.perf_counter() - began
        if (count >= _STEPS and seconds >= _MIN_S) or seconds >= _MAX_S:
            break
    return (time.perf_counter() - began) / max(count, 1)
