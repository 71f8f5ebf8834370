"""`Objective`: the metric that a search optimises."""

from dataclasses import dataclass
from typing import Literal

OBJECTIVES = ("val_accuracy", "val_loss")


@dataclass(frozen=True)
class Objective:
    """A metric on the validation set.

    Args:
        metric: `"val_accuracy"`, which a search maximises, or `"val_loss"`, which it minimises.
    """

    metric: str

    @property
    def direction(self) -> Literal["min", "max"]:
        return "max" if self.metric.endswith("accuracy") else "min"

    def cost(self, value: float) -> float:
        """Returns a number that is lower for a better value."""
        return value if self.direction == "min" else -value

    @property
    def of_run(self) -> str:
        """Name of the metric in a run's metrics."""
        return self.metric.replace("val_", "validation_")
