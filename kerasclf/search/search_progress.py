"""Progress of a search while people wait: trials, the best so far, time left."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from kerasclf.runs.cost import format_duration
from kerasclf.runs.progress import RunListener, SilentRunListener
from kerasclf.search.search import Search
from kerasclf.search.trial import Trial
from kerasclf.training.listener import Row


class SearchListener(RunListener, Protocol):
    """Is told of the progress of a search and of its trials' runs."""

    def began_trial(self, trial: Trial) -> None:
        """A trial begins, or is gone on with."""

    def ended_trial(self, trial: Trial, best: Trial | None) -> None:
        """A trial has ended; `best` is the best so far."""

    def knew_trial(self, trial: Trial, best: Trial | None) -> None:
        """A trial had ended before this call."""


class SilentSearchListener(SilentRunListener):
    """A search's listener that passes nothing on."""

    def began_trial(self, trial: Trial) -> None: ...

    def ended_trial(self, trial: Trial, best: Trial | None) -> None: ...

    def knew_trial(self, trial: Trial, best: Trial | None) -> None: ...


class SearchProgress:
    """Shows a search on a console; use it as a context manager.

    Args:
        search: What is searched for.
        most: Trials at most; None where nobody knows.
        left_s: The seconds that the budget leaves; None without a limit.
        console: Where to write; a live table appears where it is a terminal.
    """

    def __init__(self, search: Search, most: int | None, left_s: float | None, console: Console) -> None:
        self.search, self.most, self.console = search, most, console
        self._until = None if left_s is None else time.monotonic() + left_s
        self._runs: dict[str, tuple[TaskID, int, int]] = {}
        self._failure = ""
        self._best, self._ended, self._earlier, self._began = "", 0, 0, time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[state]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._trials = self._bars.add_task("search", total=most, state="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def log(self, line: str) -> None:
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def began_trial(self, trial: Trial) -> None:
        length = f"  {trial.halt.after} epochs" if trial.halt and trial.halt.after else ""
        self.log(f"{trial.title}{length}  {values_in_words(trial)}")

    def ended_trial(self, trial: Trial, best: Trial | None) -> None:
        self._ended += 1
        self._note_best(best)
        # Of a trial of one run the run's failure has just been told.
        outcome = "failed" if trial.message and trial.message == self._failure else outcome_in_words(trial, self.search)
        self.log(f"{trial.title}  {outcome}  {self._state()}")
        self._update()

    def knew_trial(self, trial: Trial, best: Trial | None) -> None:
        self._ended += 1
        self._earlier += 1
        self._note_best(best)
        self._update()

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        known = self._runs.pop(title, None)
        if known:
            self._bars.remove_task(known[0])
        task = self._bars.add_task(title, total=epochs, completed=len(rows), state="starting")
        self._runs[title] = task, epochs, steps
        if rows and not known:
            self.log(f"{title}  goes on after epoch {len(rows)} of {epochs}")

    def stepped(self, title: str, epochs_done: int, step: int) -> None:
        if title in self._runs:
            task, _, steps = self._runs[title]
            self._bars.update(task, completed=round(epochs_done + min(step / steps, 1.0), 1))
            self._update()

    def finished_epoch(self, title: str, row: Row) -> None:
        if title in self._runs:
            task, epochs, _ = self._runs[title]
            metric = self.search.objective
            state = f"epoch {int(row['epoch'])}/{epochs}  {metric} {row[metric]:.4f}"
            self._bars.update(task, completed=row["epoch"], state=state)
        self._update()

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        self._remove(title)

    def failed_run(self, title: str, message: str) -> None:
        self._remove(title)
        self._failure = message
        self.log(f"{title}  FAILED: {message}")

    def _remove(self, title: str) -> None:
        known = self._runs.pop(title, None)
        if known:
            self._bars.remove_task(known[0])

    def _note_best(self, best: Trial | None) -> None:
        if best is not None:
            self._best = f"best {self.search.objective} {best.value:.4f} ({best.title})"

    def _update(self) -> None:
        self._bars.update(self._trials, completed=self._ended, state=self._state())

    def _state(self) -> str:
        count = f"{self._ended}/{self.most} trials" if self.most else f"{self._ended} trials"
        left = self._left_s()
        return "  ".join(part for part in (count, self._best, f"{format_duration(left)} left" if left else "") if part)

    def _left_s(self) -> float | None:
        """Returns the time left: of the budget, or of the trials at the pace so far, whichever is shorter."""
        now, made = time.monotonic(), self._ended - self._earlier
        limits = [] if self._until is None else [max(0.0, self._until - now)]
        if self.most is not None and made > 0:
            limits.append((self.most - self._ended) * (now - self._began) / made)
        return min(limits, default=None)


def values_in_words(trial: Trial) -> str:
    """Returns a trial's values on a line."""
    return "  ".join(f"{name} {shown(value)}" for name, value in trial.values.items())


def outcome_in_words(trial: Trial, search: Search) -> str:
    """Returns what came of a trial."""
    if trial.value is None:
        return f"{trial.status.upper()}: {trial.message.splitlines()[0] if trial.message else ''}"
    spread = f" ± {trial.spread:.4f}" if trial.spread is not None else ""
    reason = f"  pruned {trial.message}" if trial.status == "pruned" else ""
    return f"{search.objective} {trial.value:.4f}{spread}{reason}"


def shown(value: object) -> str:
    """Returns a value as people write it."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
