"""Finds a learning rate in a short training with a rising rate (Smith 2015, https://arxiv.org/abs/1506.01186)."""

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.training.callbacks import CountEpochs
from kerasclf.training.devices import precision
from kerasclf.training.fitting import fit
from kerasclf.training.rate_curve import RateCurve, averaged_steps, make_curve, rising_rates, smooth
from kerasclf.training.training_setup import TrainingSetup

# The search ends when the averaged loss exceeds this multiple of its minimum, as in fastai.
_DIVERGED = 4.0


def find_learning_rate(setup: TrainingSetup, lowest: float = 1e-6, highest: float = 1.0, steps: int = 100) -> RateCurve:
    """Trains with a rate that rises step by step, and proposes the rate at which the loss fell fastest.

    The search keeps the optimizer's other settings and ignores its schedule. It restores the model at the end.

    Args:
        setup: Result of `prepare`.
        lowest: Learning rate of the first step.
        highest: Learning rate of the last step.
        steps: Maximum number of steps, over several epochs if necessary. The search ends early if the loss diverges.

    Raises:
        TrainingError: If the loss falls at no rate, or the rates or the number of steps cannot be used.
    """
    rates = rising_rates(lowest, highest, steps)
    before, number = _values(setup), setup.epoch.number
    rising = _RisingRate(rates)
    try:
        with setup.strategy.scope():
            trial = _trial(setup, lowest)
            callbacks = [CountEpochs(setup.epoch), rising]
            fit(trial, setup.batches, setup, epochs=math.ceil(steps / setup.steps), callbacks=callbacks)
    finally:
        setup.epoch.number = number
        for variable, value in zip(_variables(setup), before, strict=True):
            variable.assign(value)
    return make_curve(rates, rising.losses)


class _RisingRate(keras.callbacks.Callback):
    """Sets the rate of each step, records its loss, and ends the training when the loss diverges."""

    def __init__(self, rates: NDArray[np.float64]) -> None:
        super().__init__()
        self.rates = rates
        self.losses: list[float] = []

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self.model.optimizer.learning_rate = self.rates[len(self.losses)]

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = float((logs or {})["loss"])
        # Keras reports the mean loss since the last reset. Resetting makes it the loss of one step.
        self.model.reset_metrics()
        if not math.isfinite(loss):
            self.model.stop_training = True
            return
        self.losses.append(loss)
        smoothed = smooth(self.losses, averaged_steps(len(self.rates)))
        if len(self.losses) == len(self.rates) or smoothed[-1] > _DIVERGED * smoothed.min():
            self.model.stop_training = True


def _trial(setup: TrainingSetup, rate: float) -> keras.Model:
    """Returns a model of the same layers, compiled with a rate that can be set between any two steps."""
    model = setup.model
    # Under mixed_float16 Keras wraps the optimizer. Unwrap it, because Keras wraps the new one too.
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    with precision(model.dtype_policy.name):
        trial = keras.Model(model.input, model.output)
        trial.compile(
            optimizer=type(optimizer).from_config({**optimizer.get_config(), "learning_rate": rate}),
            loss=model.loss,
            jit_compile=model.jit_compile,
            steps_per_execution=1,
        )
    return trial


def _variables(setup: TrainingSetup) -> list[tf.Variable]:
    """Returns all variables of the layers that training changes, those of each replica under a strategy."""
    return [
        part for variable in setup.model.variables for part in setup.strategy.experimental_local_results(variable.value)
    ]


def _values(setup: TrainingSetup) -> list[NDArray[Any]]:
    return [variable.numpy() for variable in _variables(setup)]
