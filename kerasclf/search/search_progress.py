"""The progress of a search: its trials, the best so far, and the time left."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from kerasclf.escaping import visible
from kerasclf.runs.progress import RunListener, SilentRunListener
from kerasclf.runs.state_column import StateColumn
from kerasclf.search.search import Search
from kerasclf.search.trial import Trial
from kerasclf.training.listener import Row
from kerasclf.wording import counted, format_duration


class SearchListener(RunListener, Protocol):
    """Receives the progress of a search and of the runs of its trials."""

    def began_trial(self, trial: Trial) -> None:
        """A trial starts or resumes."""

    def ended_trial(self, trial: Trial, best: Trial | None) -> None:
        """A trial has ended; `best` is the best trial so far."""

    def restored_trial(self, trial: Trial, best: Trial | None) -> None:
        """A trial had already ended before this process started."""


class SilentSearchListener(SilentRunListener):
    """A listener that ignores the progress."""

    def began_trial(self, trial: Trial) -> None: ...

    def ended_trial(self, trial: Trial, best: Trial | None) -> None: ...

    def restored_trial(self, trial: Trial, best: Trial | None) -> None: ...


class SearchProgress:
    """Shows the progress of a search on a console. Use it as a context manager.

    Args:
        search: The search.
        max_trials: Maximum number of trials; None if it is unknown.
        left_s: Seconds left in the budget; None for no limit.
        console: Where to write. A terminal shows a live table.
    """

    def __init__(self, search: Search, max_trials: int | None, left_s: float | None, console: Console) -> None:
        self.search, self.max_trials, self.console = search, max_trials, console
        self._until = None if left_s is None else time.monotonic() + left_s
        self._runs: dict[str, tuple[TaskID, int, int]] = {}
        self._failure = ""
        self._best, self._ended, self._restored, self._start = "", 0, 0, time.monotonic()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            StateColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._trials = self._bars.add_task("search", total=max_trials, state="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def log(self, line: str) -> None:
        self.console.print(visible(line), highlight=False, markup=False, soft_wrap=True)

    def began_trial(self, trial: Trial) -> None:
        limited = trial.halt is not None and trial.halt.after is not None
        length = f"  {counted(trial.halt.after or 0, 'epoch')}" if trial.halt and limited else ""
        self.log(f"{trial.title}{length}  {values_as_text(trial)}")

    def ended_trial(self, trial: Trial, best: Trial | None) -> None:
        self._ended += 1
        self._note_best(best)
        # The failure of a trial's only run has just been logged.
        logged = trial.message and trial.message == self._failure
        outcome = "failed" if logged else outcome_as_text(trial, self.search)
        self.log(f"{trial.title}  {outcome}  {self._state()}")
        self._update()

    def restored_trial(self, trial: Trial, best: Trial | None) -> None:
        self._ended += 1
        self._restored += 1
        self._note_best(best)
        self._update()

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        earlier = self._runs.pop(title, None)
        if earlier is not None:
            self._bars.remove_task(earlier[0])
        task = self._bars.add_task(title, total=epochs, completed=len(rows), state="starting")
        self._runs[title] = task, epochs, steps
        if rows and earlier is None:
            self.log(f"{title}  resumes after epoch {len(rows)} of {epochs}")

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
        run = self._runs.pop(title, None)
        if run is not None:
            self._bars.remove_task(run[0])

    def _note_best(self, best: Trial | None) -> None:
        if best is not None:
            self._best = f"best {self.search.objective} {best.value:.4f} ({best.title})"

    def _update(self) -> None:
        self._bars.update(self._trials, completed=self._ended, state=self._state())

    def _state(self) -> str:
        ended, total = self._ended, self.max_trials
        count = counted(ended, "trial") if total is None else f"{ended}/{counted(total, 'trial')}"
        left_s = self._left_s()
        left = f"{format_duration(left_s)} left" if left_s is not None and left_s > 0 else ""
        return "  ".join(text for text in (count, self._best, left) if text)

    def _left_s(self) -> float | None:
        """Returns the shorter of two times: that left in the budget, and that of the trials at the pace so far."""
        now, ended_here = time.monotonic(), self._ended - self._restored
        limits = [] if self._until is None else [max(0.0, self._until - now)]
        if self.max_trials is not None and ended_here > 0:
            limits.append((self.max_trials - self._ended) * (now - self._start) / ended_here)
        return min(limits, default=None)


def values_as_text(trial: Trial) -> str:
    """Returns the values of a trial on one line."""
    return "  ".join(f"{name} {shown(value)}" for name, value in trial.values.items())


def outcome_as_text(trial: Trial, search: Search) -> str:
    """Returns the outcome of a trial on one line."""
    if trial.value is None:
        return f"{trial.status.upper()}: {trial.message.splitlines()[0] if trial.message else ''}"
    spread = f" ± {trial.spread:.4f}" if trial.spread is not None else ""
    reason = f"  pruned {trial.message}" if trial.status == "pruned" else ""
    return f"{search.objective} {trial.value:.4f}{spread}{reason}"


def shown(value: object) -> str:
    """Returns a value as text; a float with four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
