"""Learning-rate schedules: the `Schedule` value and the table of all schedules.

To add a schedule, add a row to `SCHEDULES`. Importing this module does not import TensorFlow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Union

from kerasclf.errors import unknown
from kerasclf.training.field_checks import MONITORS, at_least, unused_fields
from kerasclf.values import Value

if TYPE_CHECKING:
    from keras.optimizers.schedules import LearningRateSchedule

# A constant rate, or a function from the step to the rate.
Rate = Union[float, "LearningRateSchedule"]


class Steps(NamedTuple):
    """The length of a training, in optimizer steps.

    Args:
        epoch: Steps per epoch.
        total: Steps of the whole phase.
        warmup: Steps of the warm-up before the schedule.
    """

    epoch: int
    total: int
    warmup: int


class ScheduleKind(NamedTuple):
    """One row of `SCHEDULES`.

    Args:
        fields: The fields of `Schedule` that this schedule uses.
        make: Returns the rate from the schedule, the peak rate and the number of steps, without the warm-up.
        spans_phase: Whether the rates depend on the number of epochs of the phase. A longer training then differs from
            a shorter one from its first step on.
    """

    fields: tuple[str, ...]
    make: Callable[["Schedule", float, Steps], Rate]
    spans_phase: bool


@dataclass(frozen=True)
class Schedule(Value):
    """How the learning rate changes during training.

    Args:
        name: A key of `SCHEDULES`: `"constant"`; `"step"` (multiplied by `factor` every `every_epochs`, at once);
            `"exponential"` (the same, smoothly); `"cosine"` (down to `final_learning_rate` over the phase);
            `"cosine_epoch"` (a cosine that restarts in every epoch); `"one_cycle"` (up from a 25th of the peak for
            `rising_share` of the phase, then down to `final_learning_rate`); `"plateau"` (multiplied by `factor` when
            `monitor` has not improved for `patience` epochs, down to `final_learning_rate`).
        warmup_epochs: Epochs, or a fraction of one, in which the rate rises linearly from 0.
        every_epochs: Epochs per reduction by `factor`, for `"step"` and `"exponential"`.
        factor: Factor of a reduction, between 0 and 1.
        final_learning_rate: Rate at the end, or lowest rate of `"plateau"`. It is below the peak.
        rising_share: Share of the phase in which `"one_cycle"` rises, between 0 and 1.
        patience: Epochs without improvement before `"plateau"` lowers the rate.
        monitor: Metric that `"plateau"` follows: `"val_accuracy"`, `"val_loss"`, `"accuracy"` or `"loss"`.

    Example:
        >>> from kerasclf.training import Schedule
        >>> from kerasclf.training.optimizers.schedules import make_schedule
        >>> rate = make_schedule(Schedule("step", every_epochs=2, factor=0.1), peak=1.0, epochs=4, steps_per_epoch=5)
        >>> [round(float(rate(step)), 3) for step in (0, 9, 10, 19)]
        [1.0, 1.0, 0.1, 0.1]
    """

    name: str = "constant"
    warmup_epochs: float = 0.0
    every_epochs: int = 5
    factor: float = 0.1
    final_learning_rate: float = 0.0
    rising_share: float = 0.3
    patience: int = 5
    monitor: str = "val_loss"

    @property
    def spans_phase(self) -> bool:
        """Whether the rates depend on the number of epochs of the phase."""
        return SCHEDULES[self.name].spans_phase

    @property
    def follows_validation(self) -> bool:
        """Whether the rates depend on the metrics of the validation set."""
        return self.name == "plateau" and self.monitor.startswith("val_")

    def problems(self) -> list[str]:
        if self.name not in SCHEDULES:
            return [unknown("schedule", self.name, SCHEDULES)]
        found = unused_fields(self, f"schedule {self.name!r}", ("name", *SCHEDULES[self.name].fields))
        found += at_least(self, 0, "warmup_epochs", "final_learning_rate")
        found += at_least(self, 1, "every_epochs", "patience")
        for name in ("factor", "rising_share"):
            if not 0 < getattr(self, name) < 1:
                found.append(f"{name}: expected a number between 0 and 1. Received: {getattr(self, name)}.")
        if self.monitor not in MONITORS:
            found.append(unknown("monitor", self.monitor, MONITORS))
        return found


def make_schedule(schedule: Schedule, peak: float, epochs: int, steps_per_epoch: int) -> Rate:
    """Returns a constant rate, or a Keras schedule over the steps. Needs TensorFlow unless the rate is constant.

    Args:
        schedule: The schedule.
        peak: The highest learning rate.
        epochs: Epochs of the phase.
        steps_per_epoch: Optimizer steps per epoch.
    """
    steps = Steps(steps_per_epoch, epochs * steps_per_epoch, round(schedule.warmup_epochs * steps_per_epoch))
    rate = SCHEDULES[schedule.name].make(schedule, peak, steps)
    if not steps.warmup:
        return rate
    from kerasclf.training.optimizers.keras_schedules import Warmup

    return Warmup(rate, peak, steps.warmup)


def _constant(schedule: Schedule, peak: float, steps: Steps) -> Rate:
    return peak  # "plateau" too: a callback lowers the rate between epochs


def _step(schedule: Schedule, peak: float, steps: Steps) -> Rate:
    from keras.optimizers.schedules import ExponentialDecay

    return ExponentialDecay(peak, schedule.every_epochs * steps.epoch, schedule.factor, staircase=True)


def _exponential(schedule: Schedule, peak: float, steps: Steps) -> Rate:
    from keras.optimizers.schedules import ExponentialDecay

    return ExponentialDecay(peak, schedule.every_epochs * steps.epoch, schedule.factor)


def _cosine(schedule: Schedule, peak: float, steps: Steps) -> Rate:
    from keras.optimizers.schedules import CosineDecay

    return CosineDecay(peak, max(steps.total - steps.warmup, 1), alpha=schedule.final_learning_rate / peak)


def _cosine_epoch(schedule: Schedule, peak: float, steps: Steps) -> Rate:
    from keras.optimizers.schedules import CosineDecayRestarts

    return CosineDecayRestarts(peak, steps.epoch, t_mul=1.0, m_mul=1.0, alpha=schedule.final_learning_rate / peak)


def _one_cycle(schedule: Schedule, peak: float, steps: Steps) -> Rate:
    from kerasclf.training.optimizers.keras_schedules import OneCycle

    return OneCycle(peak, steps.total, schedule.rising_share, schedule.final_learning_rate)


SCHEDULES: dict[str, ScheduleKind] = {
    "constant": ScheduleKind(("warmup_epochs",), _constant, spans_phase=False),
    "step": ScheduleKind(("warmup_epochs", "every_epochs", "factor"), _step, spans_phase=False),
    "exponential": ScheduleKind(("warmup_epochs", "every_epochs", "factor"), _exponential, spans_phase=False),
    "cosine": ScheduleKind(("warmup_epochs", "final_learning_rate"), _cosine, spans_phase=True),
    "cosine_epoch": ScheduleKind(("warmup_epochs", "final_learning_rate"), _cosine_epoch, spans_phase=False),
    "one_cycle": ScheduleKind(("final_learning_rate", "rising_share"), _one_cycle, spans_phase=True),
    "plateau": ScheduleKind(("factor", "patience", "monitor", "final_learning_rate"), _constant, spans_phase=False),
}
