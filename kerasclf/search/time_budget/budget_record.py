"""What a training within a time budget has tried, and the file that records it. Needs no TensorFlow."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.values import Value

BUDGET_FILE = "budget.json"

Step = Literal["features", "training"]


@dataclass(frozen=True)
class Attempt(Value):
    """One thing that was tried, or for which the time was too short.

    Args:
        step: `"features"`: features of a network and heads on them, cross-validated on the training set.
            `"training"`: a run, judged on the validation set.
        network: Name of the network.
        unfreeze: The part that trained, as in `TrainConfig`.
        seconds: Time that it took.
        accuracy: Cross-validated accuracy of `"features"`, validation accuracy of `"training"`; None if it has none.
        kept: Whether it led to the next step, or is the final model.
        reason: Why it was kept or dropped.
    """

    step: Step
    network: str
    unfreeze: str = "head"
    seconds: float = 0.0
    accuracy: float | None = None
    kept: bool = False
    reason: str = ""

    @property
    def part(self) -> str:
        """The part that trained, in words."""
        return "heads on its features" if self.step == "features" else self.unfreeze

    @property
    def judged_on(self) -> str:
        """The images that its accuracy is measured on."""
        return "training set, cross-validated" if self.step == "features" else "validation set"

    @property
    def decision(self) -> str:
        """Whether it was kept or dropped, and why."""
        return f"{'kept' if self.kept else 'dropped'}: {self.reason}"

    @property
    def key(self) -> tuple[str, str, str]:
        """Identifies the attempt within a folder."""
        return self.step, self.network, self.unfreeze


@dataclass(frozen=True)
class BudgetRecord(Value):
    """The contents of budget.json.

    Args:
        budget_s: The time budget, in seconds.
        spent_s: Time spent in all calls, in seconds.
        attempts: The attempts, in their order.
    """

    budget_s: float
    spent_s: float = 0.0
    attempts: tuple[Attempt, ...] = ()

    @property
    def sentence(self) -> str:
        """The time, and what the choice was based on."""
        return (
            f"Time budget: {self.budget_s:,.0f} s, of which {self.spent_s:,.0f} s were used. The test images "
            "took no part in any choice."
        )


class BudgetFolder:
    """The folder of a training within a time budget, with its budget.json. `Clock` saves its time here.

    Args:
        path: The folder.
        budget_s: The time budget, in seconds.
    """

    def __init__(self, path: Path, budget_s: float) -> None:
        self.path, self.budget_s = path, budget_s
        held = read_budget_record(path)
        self._record = self._before = BudgetRecord(budget_s) if held is None else replace(held, budget_s=budget_s)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return self._record.attempts

    def spent_s(self) -> float:
        """Returns the time spent in earlier calls, in seconds."""
        return self._record.spent_s

    def write_spent(self, seconds: float) -> None:
        """Records the time spent in all calls, in seconds."""
        self._write(replace(self._record, spent_s=seconds))

    def record(self, attempt: Attempt) -> None:
        """Records an attempt. It replaces one of an earlier call, to whose time its own is added."""
        attempts = {one.key: one for one in self.attempts}
        before = attempts.get(attempt.key)
        earlier_s = before.seconds if before else 0.0
        self._replace({**attempts, attempt.key: replace(attempt, seconds=earlier_s + attempt.seconds)})

    def forget_call(self) -> None:
        """Forgets the time and the attempts of this call, which has trained nothing."""
        self._write(self._before)

    def decide(self, key: tuple[str, str, str], kept: bool, reason: str) -> None:
        """Records why an attempt was kept or dropped."""
        attempts = {one.key: one for one in self.attempts}
        self._replace({**attempts, key: replace(attempts[key], kept=kept, reason=reason)})

    def _replace(self, attempts: dict[tuple[str, str, str], Attempt]) -> None:
        self._write(replace(self._record, attempts=tuple(attempts.values())))

    def _write(self, record: BudgetRecord) -> None:
        self._record = record
        write_json(self.path / BUDGET_FILE, record.to_dict())


def read_budget_record(folder: Path) -> BudgetRecord | None:
    """Returns what a folder's training within a time budget has tried; None for any other folder.

    Raises:
        FolderError: If budget.json cannot be read.
    """
    path = folder / BUDGET_FILE
    if not path.exists():
        return None
    try:
        return BudgetRecord.from_dict(read_json(path))
    except FolderError:
        raise
    except (OSError, KerasclfError, TypeError, AttributeError) as error:
        raise FolderError(f"{path} cannot be read: {error}") from error
