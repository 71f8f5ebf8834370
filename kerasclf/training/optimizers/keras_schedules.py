"""The two learning-rate schedules that Keras lacks: a linear warm-up and one-cycle."""

import math
from typing import Any

import keras
from keras import ops

# One-cycle starts at this share of the peak, as in Smith and Topin 2017 (https://arxiv.org/abs/1708.07120).
_ONE_CYCLE_START = 1 / 25


@keras.saving.register_keras_serializable("kerasclf")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Rises linearly from 0 to `peak` over `steps` steps, then follows another schedule from its start."""

    def __init__(self, then: float | keras.optimizers.schedules.LearningRateSchedule, peak: float, steps: int) -> None:
        self.then, self.peak, self.steps = then, peak, steps

    def __call__(self, step: Any) -> Any:
        step = ops.cast(step, "float32")
        after = ops.maximum(step - self.steps, 0.0)
        then = self.then(after) if callable(self.then) else self.then
        # The first step takes 1/steps of the peak: a step with a rate of 0 would be wasted.
        return ops.where(step < self.steps, self.peak * (step + 1) / self.steps, then)

    def get_config(self) -> dict[str, Any]:
        return {"then": self.then, "peak": self.peak, "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Warmup":
        then = config["then"]
        if isinstance(then, dict):  # Keras leaves nested objects to this method
            then = keras.saving.deserialize_keras_object(then)
        return cls(**{**config, "then": then})


@keras.saving.register_keras_serializable("kerasclf")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Rises to `peak` along a cosine for a share of the steps, and falls to `final` along another."""

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
