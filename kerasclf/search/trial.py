"""`Trial`: one combination of values and its outcome."""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypedDict

from kerasclf.errors import FolderError, in_short
from kerasclf.files.reading import read_json
from kerasclf.schema import check_schema
from kerasclf.search.spaces.space import Values
from kerasclf.training.resuming.halting import Halt

Status = Literal["running", "completed", "pruned", "failed"]


# The folder of a run within runs/: the identity of its experiment, the seed and the fold.
_FOLDER = re.compile(r"\w{1,64}/seed-\d{1,10}(-fold-\d{1,4})?")


class _RunContents(TypedDict):
    seed: int
    fold: int
    folder: str
    metrics: dict[str, float]


class _Contents(TypedDict):
    """The output of `Trial.to_dict`."""

    number: int
    values: dict[str, Any]
    proposed: dict[str, Any]
    halt: dict[str, Any] | None
    status: Status
    value: float | None
    spread: float | None
    runs: list[_RunContents]
    curve: list[Any]
    message: str
    seconds: float


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
        plain = {name: plain[name] for name in _Contents.__annotations__}
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


def read_trial(path: Path) -> Trial:
    """Reads the file of a trial.

    Raises:
        FileNotFoundError: If there is no such file.
        FolderError: If the file describes no trial, or names a run elsewhere.
    """
    plain = read_json(path)
    check_schema(plain, _Contents, path)
    for run in plain["runs"]:
        if not _FOLDER.fullmatch(run["folder"]):
            raise FolderError(f"{path}: folder: expected IDENTITY/seed-N. Received: {in_short(run['folder'])}.")
    if not all(isinstance(value, int | float) for value in plain["curve"]):  # an infinite loss may be among them
        raise FolderError(f"{path}: curve: expected numbers. Received: {in_short(plain['curve'])}.")
    return Trial.from_dict(plain)
