"""`JobSource`: gives an engine the runs of a search, one trial after the other."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan
from kerasclf.runs.sharing import SharedRuns, digests_of
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_progress import SearchListener
from kerasclf.search.trial import Trial
from kerasclf.search.trial_order import NoTrial
from kerasclf.search.trial_runs import BASE, TrialRuns
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
        share: Whether trials in a row that train alike, such as for 50, 100 and 150 epochs, are one training with
            several results (see `kerasclf.runs.sharing`). It needs trials that can start before others have ended.
    """

    def __init__(self, state: Trials, plan: Plan, share: bool = False) -> None:
        self.state, self.plan, self.listener = state, plan, state.listener
        self._runs_of: dict[str, TrialRuns] = {}  # the trials that have not ended, by the titles of their runs
        self._order = SharedRuns()
        self._given: dict[str, Job] = {}  # the runs that an engine has, by title
        self._digests = digests_of(plan.manifests[plan.data_of[BASE]]) if share else None
        self._next: TrialRuns | None = None  # proposed, but not yet opened

    def __iter__(self) -> Iterator[Job | None]:
        return self

    def __next__(self) -> Job | None:
        while True:
            if job := self._take():
                self._runs_of[job.title].start(job.title)
                self._given[job.title] = job
                return job
            if not self._open_trials():
                if not self._runs_of:
                    raise StopIteration
                return None

    def _take(self) -> Job | None:
        """Returns the next run that can start now; None if there is none."""
        # Two trials may be the same experiment and share a folder. Their runs take turns.
        used = {job.path for job in self._given.values()}
        while job := self._order.take(lambda job: job.path not in used):
            runs = self._runs_of.get(job.title)
            if runs is not None and job.title in runs.waiting:
                return job
            self._order.release(job.title)  # Its trial has failed or was pruned, so the run will never start.
        return None

    def _open_trials(self) -> bool:
        """Opens the next trial, and those after it that train as it does. Returns whether there was one."""
        first, self._next = self._next or self._propose(), None
        if first is None:
            return False
        together = [first]
        while self._digests is not None and (runs := self._propose()) is not None:
            if not runs.trains_as(first):
                self._next = runs
                break
            together.append(runs)
        for runs in together:
            self._runs_of |= dict.fromkeys(runs.titles, runs)
        self._order.add([job for runs in together for job in runs.waiting.values()])
        return True

    def _propose(self) -> TrialRuns | None:
        trial = self.state.next()
        if isinstance(trial, NoTrial):
            return None
        return TrialRuns(self.state.search, trial, self.state.folder, self.plan, self._digests)

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
        del self._given[title]
        self._order.release(title)
        runs.finished_run(title, metrics)
        self.listener.finished_run(title, metrics)
        self._close_if_ended(runs)

    def failed_run(self, title: str, message: str) -> None:
        runs, job = self._runs_of[title], self._given.pop(title)
        if runs.failed_run(title, message):
            self._order.put_back(job)
        else:
            self._order.release(title)
        self.listener.failed_run(title, message)
        self._close_if_ended(runs)

    def _close_if_ended(self, runs: TrialRuns) -> None:
        trial = runs.outcome()
        if trial is None:
            return
        for title in runs.titles:
            del self._runs_of[title]
        self.state.ended(trial)
