"""`JobSource`: gives an engine the runs of a search, one trial after the other."""

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
    """The time is over. Runs under way keep their last finished epoch."""


class Timer(Protocol):
    """Decides when the time is over."""

    @property
    def over(self) -> bool: ...

    def save(self) -> None:
        """Saves the time. The engine calls it often."""


class Trials(Protocol):
    """Provides trials and records their ends: the state of a search, or a worker's view of it."""

    @property
    def search(self) -> Search: ...

    @property
    def folder(self) -> SearchFolder: ...

    @property
    def listener(self) -> SearchListener: ...

    @property
    def clock(self) -> Timer: ...

    def next(self) -> Trial | NoTrial:
        """Returns the next trial to run, or the reason why there is none."""

    def ended(self, trial: Trial) -> None:
        """Records the end of a trial."""


class JobSource:
    """Iterates over the runs of a search's trials, and passes the progress of the runs on.

    Args:
        state: Provides the trials.
        plan: The plan of the search.
    """

    def __init__(self, state: Trials, plan: Plan) -> None:
        self.state, self.plan, self.listener = state, plan, state.listener
        self._open: list[TrialRuns] = []
        self._runs_of: dict[str, TrialRuns] = {}
        # Two trials may be the same experiment and share a folder. Their runs take turns.
        self._used_paths: set[Path] = set()

    def __iter__(self) -> Iterator[Job | None]:
        return self

    def __next__(self) -> Job | None:
        while True:
            for runs in self._open:
                for job in runs.waiting:
                    if job.path not in self._used_paths:
                        runs.start(job)
                        self._used_paths.add(job.path)
                        return job
            trial = self.state.next()
            if trial is NoTrial.WAIT or (trial is NoTrial.EXHAUSTED and self._open):
                return None
            if isinstance(trial, NoTrial):
                raise StopIteration
            self._open_trial(trial)

    def watch(self) -> None:
        """Saves the time.

        Raises:
            BudgetSpent: If the time is over.
        """
        self.state.clock.save()
        if self.state.clock.over:
            raise BudgetSpent

    def log(self, line: str) -> None:
        self.listener.log(line)

    def began(self, title: str, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self._runs_of[title].began(title, rows)
        self.listener.began(title, epochs, steps, rows)

    def stepped(self, title: str, epochs_done: int, step: int) -> None:
        self.listener.stepped(title, epochs_done, step)

    def finished_epoch(self, title: str, row: Row) -> None:
        self._runs_of[title].finished_epoch(title, row)
        self.listener.finished_epoch(title, row)
        self.watch()

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        runs = self._runs_of[title]
        self._used_paths.discard(runs.path_of(title))
        runs.finished_run(title, metrics)
        self.listener.finished_run(title, metrics)
        self._close_if_ended(runs)

    def failed_run(self, title: str, message: str) -> None:
        runs = self._runs_of[title]
        self._used_paths.discard(runs.path_of(title))
        runs.failed_run(title, message)
        self.listener.failed_run(title, message)
        self._close_if_ended(runs)

    def _open_trial(self, trial: Trial) -> None:
        runs = TrialRuns(self.state.search, trial, self.state.folder, self.plan)
        self._open.append(runs)
        self._runs_of |= dict.fromkeys(runs.titles, runs)

    def _close_if_ended(self, runs: TrialRuns) -> None:
        trial = runs.outcome()
        if trial is None:
            return
        self._open.remove(runs)
        for title in runs.titles:
            del self._runs_of[title]
        self.state.ended(trial)
