"""What a search wants to be best."""

from dataclasses import dataclass
from typing import Literal

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

    def cost(self, value: float) -> float:
        """Returns a number that is the lower, the better the value."""
        return value if self.direction == "min" else -value

    @property
    def of_run(self) -> str:
        """The figure's name among those of a run."""
        return self.metric.replace("val_", "validation_")
