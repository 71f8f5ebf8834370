"""What a search wants to be best."""

from dataclasses import dataclass
from typing import Literal

from kerasclf.errors import KerasclfError, unknown

OBJECTIVES = ("val_accuracy", "val_loss")


@dataclass(frozen=True)
class Objective:
    """A figure of the validation part.

    Args:
        metric: `"val_accuracy"`, which is to be high, or `"val_loss"`, which is to be low.
    """

    metric: str

    @property
    def direction(self) -> Literal["min", "max"]:
        return "max" if self.metric.endswith("accuracy") else "min"

    @property
    def of_run(self) -> str:
        """The figure's name among those of a run."""
        return self.metric.replace("val_", "validation_")

    def best(self, one: float, other: float) -> float:
        """Returns the better of two values."""
        return max(one, other) if self.direction == "max" else min(one, other)

    def is_better(self, one: float, other: float) -> bool:
        """Returns whether the one is better than the other."""
        return one > other if self.direction == "max" else one < other


def make_objective(name: str) -> Objective:
    """Returns an objective by its name.

    Raises:
        KerasclfError: There is none of this name.
    """
    if name not in OBJECTIVES:
        raise KerasclfError(unknown("objective", name, OBJECTIVES))
    return Objective(name)
