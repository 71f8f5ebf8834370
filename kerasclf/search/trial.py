"""`Trial`: one combination of values and its outcome."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from kerasclf.search.spaces.space import Values
from kerasclf.training.halting import Halt

Status = Literal["running", "completed", "pruned", "failed"]


@dataclass(frozen=True)
class TrialRun:
    """One run of a trial.

    Args:
        seed: Seed of the run.
        fold: Number of the validation fold, from 1; 0 without folds.
        folder: Its folder within `runs/`.
        metrics: Its metrics.
    """

    seed: int
    fold: int
    folder: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Trial:
    """One combination of values and its outcome.

    Args:
        number: Number of the trial, from 1, in the order of proposal.
        values: Its values by axis.
        proposed: The oracle's own form of the values, with further entries of the oracle.
        halt: When its runs stop early; None for never.
        status: `"pruned"` if it stopped early because it fell behind; `"completed"` if it was trained as long as
            planned, which for Hyperband is the length of its round.
        value: The objective, averaged over its runs.
        spread: Standard deviation of the objective over the runs; None for a single run.
        runs: Its finished runs.
        curve: The objective after each epoch, averaged over the runs.
        message: The reason why it failed or was pruned.
        seconds: Time of the epochs of all its runs, in seconds.
    """

    number: int
    values: Values
    proposed: dict[str, Any]
    halt: Halt | None = None
    status: Status = "running"
    value: float | None = None
    spread: float | None = None
    runs: tuple[TrialRun, ...] = ()
    curve: tuple[float, ...] = ()
    message: str = ""
    seconds: float = 0.0

    @property
    def title(self) -> str:
        return f"trial {self.number}"

    @property
    def ended(self) -> bool:
        return self.status != "running"

    @property
    def whole(self) -> bool:
        """Whether all its runs were trained to their end."""
        return self.status == "completed" and not any("halted" in run.metrics for run in self.runs)

    @property
    def epochs(self) -> int:
        """Number of epochs of its longest run."""
        return max((int(run.metrics.get("epochs", 0)) for run in self.runs), default=0)

    def but(self, **changes: Any) -> "Trial":
        """Returns a copy with some fields changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {**asdict(self), "halt": self.halt and self.halt.to_dict()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Trial":
        """Returns the trial that `to_dict` described."""
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in plain["values"].items()}
        return cls(
            **{
                **plain,
                "values": values,
                "halt": Halt.from_dict(plain["halt"]) if plain["halt"] else None,
                "runs": tuple(TrialRun(**run) for run in plain["runs"]),
                "curve": tuple(plain["curve"]),
            }
        )
