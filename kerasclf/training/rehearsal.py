"""Rehearses a training: measures its cost in a few real training steps."""

import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from kerasclf.data import ImageDataset
from kerasclf.machine.resources import on_cores
from kerasclf.networks.model_file import MODEL, save_model
from kerasclf.training.assembly import build_model
from kerasclf.training.devices import device_errors
from kerasclf.training.faster import faster_layers
from kerasclf.training.fitting import fit
from kerasclf.training.head_start import measure_head_start
from kerasclf.training.phase_inputs import make_phase_inputs
from kerasclf.training.recipe import Recipe
from kerasclf.training.rehearsal_result import Rehearsal
from kerasclf.training.resuming.checkpoints import Checkpoint, write_checkpoint
from kerasclf.training.training_setup import TrainingSetup, prepare_phase
from kerasclf.transfer.samples import Samples

# A measurement ends after this many steps and seconds, or with the images.
_STEPS, _MIN_S = 10, 0.5
# If steps are slow, it ends after this many seconds and steps.
_MAX_S, _MIN_STEPS = 6.0, 2
# Maximum number of epochs, for epochs with fewer steps.
_EPOCHS = 3


def rehearse(dataset: ImageDataset, recipe: Recipe, samples: Samples, cores: int | None = None) -> Rehearsal:
    """Trains a few steps of a recipe's last phase and discards the result.

    Args:
        dataset: The images.
        recipe: The recipe.
        samples: Activations of a few images, if the recipe trains on activations.
        cores: Number of CPU cores to use. A run that shares the machine with others cannot borrow theirs. None for all.

    Raises:
        DeviceMemoryError: If the device has no memory left.
    """
    with device_errors():
        return _rehearse(dataset, recipe, samples, cores)


def _rehearse(dataset: ImageDataset, recipe: Recipe, samples: Samples, cores: int | None) -> Rehearsal:
    began = time.perf_counter()
    built = build_model(dataset, recipe)
    loading_s = time.perf_counter() - began
    inputs = make_phase_inputs(built, dataset, recipe.last, samples=samples)
    # Before the steps below, which change the weights.
    features_s, regression_s = measure_head_start(built, dataset, samples) if recipe.fits_head else (0.0, 0.0)
    with on_cores(cores):
        began = time.perf_counter()
        setup = prepare_phase(built, inputs, dataset, recipe.last)
        pace = Pace()
        _fit(setup, setup.batches, pace)
        startup_s = pace.first_s - began
        compute = Pace()
        _fit(setup, tf.data.Dataset.from_tensors(next(iter(setup.batches))), compute)
        first_batch_s, batch_s = _batches_s(setup.batches)
        tracing_s, validation_s = _validation_s(setup, slow=pace.step_s > _MAX_S / _STEPS)
        variables = [*setup.model.variables, *setup.model.optimizer.variables]
        checkpoint_s = _checkpoint_s(variables)
        image_s = validation_s / max(len(inputs.validation), 1)
        finish_s = image_s * (len(dataset.validation) + len(dataset.test)) + _saving_s(built.assembled.model, dataset)
    return Rehearsal(
        startup_s=startup_s + tracing_s,
        step_s=pace.step_s,
        input_s=batch_s,
        compute_s=compute.step_s,
        validation_s=validation_s,
        steps=setup.steps,
        parameters=built.assembled.model.count_params(),
        trainable=inputs.counts.trainable,
        state_mb=sum(float(tf.size(v.value)) * 4 for v in variables) / 1e6,
        cache=str(inputs.frozen.point.cache.folder) if inputs.frozen else "",
        # The activations of a training on features include those of its regression.
        extraction_s=inputs.extraction_s if inputs.frozen else features_s,
        cache_mb=inputs.cache_mb,
        between_s=first_batch_s + checkpoint_s,
        loading_s=loading_s,
        regression_s=regression_s,
        finish_s=finish_s,
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
    fit(setup.model, batches.repeat(), setup, steps_per_epoch=setup.steps, epochs=_EPOCHS, callbacks=[pace])


def _validation_s(setup: TrainingSetup, slow: bool) -> tuple[float, float]:
    """Returns the seconds to trace the validation, and those of one pass over the validation images."""
    if setup.validation is None:
        return 0.0, 0.0
    batches = int(setup.validation.cardinality())
    measured = 1 if slow else min(batches, _STEPS)
    few = setup.validation.take(measured)
    with faster_layers(setup.model, setup.strategy):
        first, second = (_seconds_of(lambda: setup.model.evaluate(few, verbose=0)) for _ in range(2))
    return max(0.0, first - second), second * batches / measured


def _batches_s(batches: tf.data.Dataset) -> tuple[float, float]:
    """Returns the seconds until the first batch, and those per batch after it."""
    began = time.perf_counter()
    iterator = iter(batches)
    next(iterator)
    first_s = time.perf_counter() - began
    began, count = time.perf_counter(), 0
    for _ in iterator:
        count, seconds = count + 1, time.perf_counter() - began
        if (count >= _STEPS and seconds >= _MIN_S) or seconds >= _MAX_S:
            break
    return first_s, (time.perf_counter() - began) / max(count, 1)


def _checkpoint_s(variables: list[keras.Variable]) -> float:
    """Returns the seconds to write a checkpoint."""

    def write(folder: Path) -> None:
        arrays = {str(number): variable.value.numpy() for number, variable in enumerate(variables)}
        write_checkpoint(folder, Checkpoint(1, arrays, {}))

    return _writing_s(write)


def _saving_s(model: keras.Model, dataset: ImageDataset) -> float:
    """Returns the seconds to save the finished model."""
    uncompiled = keras.Model(model.input, model.output, name=model.name)
    return _writing_s(lambda folder: save_model(uncompiled, folder / MODEL, dataset.class_names))


def _writing_s(write: Callable[[Path], None]) -> float:
    """Returns the seconds to write files into a folder. Without room for them, an error ends it earlier."""

    def write_and_remove() -> None:
        with contextlib.suppress(OSError, RuntimeError), tempfile.TemporaryDirectory() as folder:
            write(Path(folder))

    return _seconds_of(write_and_remove)


def _seconds_of(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
