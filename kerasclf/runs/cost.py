"""What a run will cost, phase by phase."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PhaseCost:
    """What one phase of a run will cost at most.

    Args:
        unfreeze: What trains.
        trainable: How many weights that is.
        startup_s: Seconds until it trains.
        epoch_s: Seconds an epoch, validation included.
        input_s: Seconds an epoch that the input pipeline would take alone.
        compute_s: Seconds an epoch that the network's steps would take alone.
        epochs: Epochs, at most.
        cache: The folder of the activations it is trained on; empty where it is trained on images.
        extraction_s: Seconds to compute those that are missing there.
        cache_mb: What these take, in 10⁶ bytes.
    """

    unfreeze: str
    trainable: int
    startup_s: float
    epoch_s: float
    input_s: float
    compute_s: float
    epochs: int
    cache: str = ""
    extraction_s: float = 0.0
    cache_mb: float = 0.0

    @property
    def phase_s(self) -> float:
        """Seconds of the phase, once its activations are there."""
        return self.startup_s + self.epochs * self.epoch_s


@dataclass(frozen=True)
class RunCost:
    """What one run of an experiment will cost at most.

    Args:
        phases: Its phases, one after the other.
        disk_mb: Of its folder and two checkpoints a phase, in 10⁶ bytes.
        parameters: Of the model.
    """

    phases: tuple[PhaseCost, ...]
    disk_mb: float
    parameters: int

    @property
    def run_s(self) -> float:
        """Seconds of the run, once the activations it needs are there."""
        return sum(phase.phase_s for phase in self.phases)

    def left_s(self, epochs_done: int) -> float:
        """Returns the seconds of a run with so many epochs behind it."""
        left = self.run_s
        for phase in self.phases:
            done = min(epochs_done, phase.epochs)
            left, epochs_done = left - done * phase.epoch_s, epochs_done - done
        return left

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "RunCost":
        """Makes an estimate of plain JSON types."""
        return cls(**{**plain, "phases": tuple(PhaseCost(**phase) for phase in plain["phases"])})


def format_duration(seconds: float) -> str:
    """Returns a duration as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
