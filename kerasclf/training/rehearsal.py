"""Measures what a training will cost by some of its real steps."""

import time
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from kerasclf.data import ImageDataset
from kerasclf.training.assembly import build_model
from kerasclf.training.faster import faster_layers
from kerasclf.training.phase_inputs import make_phase_inputs
from kerasclf.training.recipe import Recipe
from kerasclf.training.training_setup import TrainingSetup, prepare_phase

# So many steps, but for so long at least, unless the images are used up before; and where steps take long, so few.
_STEPS, _FEWEST_STEPS = 10, 2
_LEAST_S, _ENOUGH_S = 0.5, 6.0
# Where an epoch has fewer steps than that.
_EPOCHS = 3
# Images whose activations are computed to learn how long one takes.
_SAMPLE = 32


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
        trainable: Of these, how many train.
        state_mb: What a checkpoint holds, in 10⁶ bytes.
        cache: The folder of the activations that it is trained on; empty where it is trained on images.
        extraction_s: Seconds to compute those that are not kept yet.
        cache_mb: What these take, in 10⁶ bytes.
    """

    startup_s: float
    step_s: float
    input_s: float
    compute_s: float
    validation_s: float
    steps: int
    parameters: int
    trainable: int
    state_mb: float
    cache: str = ""
    extraction_s: float = 0.0
    cache_mb: float = 0.0

    @property
    def epoch_s(self) -> float:
        """Seconds an epoch."""
        return self.steps * self.step_s + self.validation_s


def rehearse(dataset: ImageDataset, recipe: Recipe) -> Rehearsal:
    """Trains a few steps of a recipe's last phase and discards the result."""
    began = time.perf_counter()
    built = build_model(dataset, recipe)
    building_s = time.perf_counter() - began
    inputs = make_phase_inputs(built, dataset, recipe.last, sample=_SAMPLE)
    began = time.perf_counter() - building_s  # without the extraction of the sample
    setup = prepare_phase(built, inputs, dataset, recipe.last)
    pace = Pace()
    _fit(setup, setup.batches, pace)
    compute = Pace()
    _fit(setup, tf.data.Dataset.from_tensors(next(iter(setup.batches))), compute)
    variables = [*setup.model.variables, *setup.model.optimizer.variables]
    return Rehearsal(
        startup_s=pace.first_s - began,
        step_s=pace.step_s,
        input_s=_seconds_a_batch(setup.batches),
        compute_s=compute.step_s,
        validation_s=_validation_s(setup, slow=pace.step_s > _ENOUGH_S / _STEPS),
        steps=setup.steps,
        parameters=built.assembled.model.count_params(),
        trainable=inputs.counts.trainable,
        state_mb=sum(float(tf.size(v.value)) * 4 for v in variables) / 1e6,
        cache=str(inputs.frozen.point.cache.folder) if inputs.frozen else "",
        extraction_s=inputs.extraction_s,
        cache_mb=inputs.cache_mb,
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
        done, seconds = self._steps - self._first_step, now - self.first_s
        self.step_s = seconds / done
        if (done >= _STEPS and seconds >= _LEAST_S) or (done >= _FEWEST_STEPS and seconds >= _ENOUGH_S):
            self.model.stop_training = True


def _fit(setup: TrainingSetup, batches: tf.data.Dataset, pace: Pace) -> None:
    with faster_layers(setup.model, setup.strategy):
        setup.model.fit(
            batches.repeat(), steps_per_epoch=setup.steps, epochs=_EPOCHS, callbacks=[pace], verbose=0, shuffle=False
        )


def _validation_s(setup: TrainingSetup, slow: bool) -> float:
    batches = int(setup.validation.cardinality())
    measured = 1 if slow else min(batches, _STEPS)
    few = setup.validation.take(measured)
    with faster_layers(setup.model, setup.strategy):
        setup.model.evaluate(few, verbose=0)  # traces
        began = time.perf_counter()
        setup.model.evaluate(few, verbose=0)
    return (time.perf_counter() - began) * batches / measured


def _seconds_a_batch(batches: tf.data.Dataset) -> float:
    """Returns how long a batch takes, the first left out."""
    iterator = iter(batches)
    next(iterator)
    began, count = time.perf_counter(), 0
    for _ in iterator:
        count, seconds = count + 1, time.perf_counter() - began
        if (count >= _STEPS and seconds >= _LEAST_S) or seconds >= _ENOUGH_S:
            break
    return (time.perf_counter() - began) / max(count, 1)
