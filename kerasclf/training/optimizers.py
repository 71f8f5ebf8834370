"""From a TrainConfig to a Keras optimizer with its learning-rate schedule."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from kerasclf.training import fused_optimizers
from kerasclf.training.config import OPTIMIZERS, TrainConfig
from kerasclf.training.l2 import with_l2
from kerasclf.training.layer_rates import scale_rates

_CLASSES: dict[str, type[keras.optimizers.Optimizer]] = {
    "adadelta": keras.optimizers.Adadelta,
    "adagrad": keras.optimizers.Adagrad,
    "adam": fused_optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "adamw": fused_optimizers.AdamW,
    "lion": keras.optimizers.Lion,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": fused_optimizers.SGD,
}
# One-cycle begins at this share of the peak, as in Smith and Topin 2017 (https://arxiv.org/abs/1708.07120).
_ONE_CYCLE_START = 1 / 25


def make_optimizer(
    config: TrainConfig, steps_per_epoch: int, factors: Mapping[str, float] | None = None
) -> keras.optimizers.Optimizer:
    """Makes the optimizer; under a tf.distribute strategy, call it inside the scope.

    Args:
        config: How to train.
        steps_per_epoch: Batches an epoch, into which the schedule's epochs are translated.
        factors: By which a layer's learning rate differs, by layer name; None where all have the same.
    """
    cls = _CLASSES[config.optimizer]
    if factors:
        cls = scale_rates(cls, factors)
    if config.l2:
        cls = with_l2(cls, config.l2)
    arguments: dict[str, Any] = {name: getattr(config, name) for name in OPTIMIZERS[config.optimizer]}
    arguments["weight_decay"] = config.weight_decay
    arguments["global_clipnorm"] = config.clip_norm
    arguments = {name: value for name, value in arguments.items() if value is not None}
    if config.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": config.ema_momentum}
    return cls(learning_rate=make_schedule(config, steps_per_epoch), **arguments)


def peak_learning_rate(config: TrainConfig) -> float:
    """Returns the learning rate that was asked for, or the optimizer's own default."""
    if config.learning_rate is not None:
        return config.learning_rate
    return float(inspect.signature(_CLASSES[config.optimizer]).parameters["learning_rate"].default)


def make_schedule(config: TrainConfig, steps_per_epoch: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Returns a number, where the rate stays (or a callback changes it), or a schedule by step."""
    schedule, peak = config.schedule, peak_learning_rate(config)
    total, warmup = config.epochs * steps_per_epoch, round(schedule.warmup_epochs * steps_per_epoch)
    if schedule.name in ("constant", "plateau") and not warmup:
        return peak
    if schedule.name == "one_cycle":
        return OneCycle(peak, total, schedule.rising_share, schedule.final_learning_rate)
    then: float | keras.optimizers.schedules.LearningRateSchedule = peak
    if schedule.name in ("step", "exponential"):
        then = keras.optimizers.schedules.ExponentialDecay(
            peak, schedule.every_epochs * steps_per_epoch, schedule.factor, staircase=schedule.name == "step"
        )
    elif schedule.name == "cosine":
        then = keras.optimizers.schedules.CosineDecay(
            peak, max(total - warmup, 1), alpha=schedule.final_learning_rate / peak
        )
    elif schedule.name == "cosine_epoch":
        then = keras.optimizers.schedules.CosineDecayRestarts(
            peak, steps_per_epoch, t_mul=1.0, m_mul=1.0, alpha=schedule.final_learning_rate / peak
        )
    return Warmup(then, peak, warmup) if warmup else then


@keras.saving.register_keras_serializable("kerasclf")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to `peak` over `steps` steps, then follows another schedule from its beginning."""

    def __init__(self, then: float | keras.optimizers.schedules.LearningRateSchedule, peak: float, steps: int) -> None:
        self.then, self.peak, self.steps = then, peak, steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        after = ops.maximum(step - self.steps, 0.0)
        then = self.then(after) if callable(self.then) else self.then
        # The first step is 1/steps of the way up, so that none is lost on a rate of 0.
        return ops.where(step < self.steps, self.peak * (step + 1) / self.steps, then)

    def get_config(self) -> dict[str, Any]:
        return {"then": self.then, "peak": self.peak, "steps": self.steps}


@keras.saving.register_keras_serializable("kerasclf")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Rises to `peak` along a cosine for a share of the run, and falls to `final` along another."""

    def __init__(self, peak: float, total_steps: int, rising_share: float, final: float) -> None:
        self.peak, self.total_steps, self.rising_share, self.final = peak, total_steps, rising_share, final

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        top = max(self.rising_share * self.total_steps, 1.0)
        rising = _cosine(self.peak * _ONE_CYCLE_START, self.peak, step / top)
        falling = _cosine(self.peak, self.final, (step - top) / max(self.total_steps - top, 1.0))
        return ops.where(step < top, rising, falling)

    def get_config(self) -> dict[str, Any]:
        return {
            "peak": self.peak,
            "total_steps": self.total_steps,
            "rising_share": self.rising_share,
            "final": self.final,
        }


def _cosine(start: float, end: float, share: Any) -> Any:
    return start + (end - start) * (1 - ops.cos(math.pi * ops.clip(share, 0.0, 1.0))) / 2
