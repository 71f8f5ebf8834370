"""What an engine runs for a search: the runs of its trials, one after the other as they come up."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from kerasclf.runs.job import Job
from kerasclf.runs.plan import Plan
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SearchListener
from kerasclf.search.trial import Trial
from kerasclf.search.trial_order import NoTrial
from kerasclf.search.trial_runs import TrialRuns
from kerasclf.training.listener import Row


class BudgetSpent(Exception):  # noqa: N818
    """The time is over; what is under way keeps its last epoch."""


class Timer(Protocol):
    """Says when it is over."""

    @property
    def over(self) -> bool: ...

    def keep(self) -> None:
        """Is called often."""


class Trials(Protocol):
    """Where trials come from, and where their ends go to: a search's course, or what a worker sees of it."""

    @property
    def search(self) -> Search: ...

    @property
    def folder(self) -> SearchFolder: ...

    @property
    def listener(self) -> SearchListener: ...

    @property
    def clock(self) -> Timer: ...

    def next(self) -> Trial | NoTrial:
        """Returns the next trial that is to be run, or why there is none."""

    def ended(self, trial: Trial) -> None:
        """Takes a trial's end."""


class JobSource:
    """Gives an engine the runs of a search's trials as they come up, and takes their news."""

    def __init__(self, state: Trials, plan: Plan) -> None:
        self.state, self.plan, self.listener = state, plan, state.listener
        self._open: list[TrialRuns] = []
        self._of: dict[str, TrialRuns] = {}
        self._paths: set[Path] = set()  # two trials may be the same experiment: they are not run at once

    def __iter__(self) -> Iterator[Job | None]:
        return self

    def __next__(self) -> Job | None:
        while True:
            for runs in self._open:
                for job in runs.waiting:
                    if job.path not in self._paths:
                        runs.begin(job)
                        self._paths.add(job.path)
                        return job
            trial = self.state.next()
            if trial is NoTrial.WAIT or (trial is NoTrial.EXHAUSTED and self._open):
                return None
            if isinstance(trial, NoTrial):
                raise StopIteration
            self._begin(trial)

    def watch(self) -> None:
        """Ends everything when the time is over."""
        self.state.clock.keep()
        if self.state.clock.over:
            raise BudgetSpent

    def log(self, line: str) -> None:
        self.listener.log(line)

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self._of[title].began(title, rows)
        self.listener.began(title, epochs, steps, rows)

    def stepped(self, title: str, epochs_done: int, step: int) -> None:
        self.listener.stepped(title, epochs_done, step)

    def finished_epoch(self, title: str, row: Row) -> None:
        self._of[title].finished_epoch(title, row)
        self.listener.finished_epoch(title, row)
        self.watch()

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        runs = self._of[title]
        self._paths.discard(runs.path_of(title))
        runs.finished_run(title, metrics)
        self.listener.finished_run(title, metrics)
        self._look(runs)

    def failed_run(self, title: str, message: str) -> None:
        runs = self._of[title]
        self._paths.discard(runs.path_of(title))
        runs.failed_run(title, message)
        self.listener.failed_run(title, message)
        self._look(runs)

    def _begin(self, trial: Trial) -> None:
        runs = TrialRuns(self.state.search, trial, self.state.folder, self.plan)
        self._open.append(runs)
        self._of |= dict.fromkeys(runs.titles, runs)

    def _look(self, runs: TrialRuns) -> None:
        """Ends a trial whose runs have all ended."""
        trial = runs.outcome()
        if trial is None:
            return
        self._open.remove(runs)
        for title in runs.titles:
            del self._of[title]
        self.state.ended(trial)
