"""`Trial`: one combination of values, and what came of it."""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from kerasclf.search.spaces.space import Values
from kerasclf.training.halting import Halt

Status = Literal["running", "completed", "pruned", "failed"]


@dataclass(frozen=True)
class TrialRun:
    """One of a trial's runs: its seed, the fold that validates (0 where there are none), its folder and figures."""

    seed: int
    fold: int
    folder: str
    metrics: dict[str, float]


@dataclass(frozen=True)
class Trial:
    """One combination of values, and what came of it.

    Args:
        number: From 1, in the order in which they were proposed.
        values: By axis.
        proposed: The same as the oracle knows them, with entries of its own.
        halt: When its runs are broken off; None for never.
        status: How far it is. `"pruned"`: broken off for having fallen behind; `"completed"`: made as far as it was to
            be, which for Hyperband is the length of its round.
        value: The objective, mean over its runs.
        spread: Its standard deviation over the runs; None of a single one.
        runs: Its finished runs.
        curve: The objective after each epoch, mean over the runs.
        message: Why it failed or was pruned.
        seconds: Of its runs' epochs together.
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
        """Whether its value is that of whole trainings."""
        return self.status == "completed" and not any("halted" in run.metrics for run in self.runs)

    @property
    def epochs(self) -> int:
        """Epochs that it was trained for, in the longest of its runs."""
        return max((int(run.metrics.get("epochs", 0)) for run in self.runs), default=0)

    def but(self, **changes: Any) -> "Trial":
        """Returns a copy with some fields changed."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""
        return {**asdict(self), "halt": self.halt and self.halt.to_dict()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Trial":
        """Makes a trial of what `to_dict` returned."""
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
