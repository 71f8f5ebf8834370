"""`TrialRuns`: the runs of one trial, and the trial's value from their metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasclf.data.views import View
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan
from kerasclf.runs.sharing import trajectory_of, watched_by
from kerasclf.search.search import Search
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.trial import Trial, TrialRun
from kerasclf.training.listener import Row

BASE = "base"
# Number of attempts when the machine made a run fail, such as a full disk or a kill for lack of memory.
_ATTEMPTS = 3


@dataclass(frozen=True)
class _End:
    """A run that ends its trial: it was pruned or has failed.

    Args:
        place: Its place among the runs of the trial.
        message: The reason.
        failed: Whether it has failed.
    """

    place: int
    message: str
    failed: bool


class TrialRuns:
    """The waiting, running and finished runs of one trial.

    The first run in the order of the runs that is pruned or fails decides the outcome. Runs after it do not count, and
    runs before it go on. The outcome thus does not depend on which of them is faster.

    Args:
        search: The search.
        trial: The trial.
        folder: The search folder.
        plan: The plan of the search.
        digests: Hashes of the sets of images (see `digests_of`), for runs that share their beginnings; None for runs
            that share nothing.
    """

    def __init__(
        self, search: Search, trial: Trial, folder: SearchFolder, plan: Plan, digests: Mapping[str, str] | None
    ) -> None:
        self.search, self.trial = search, trial
        experiment = search.space.apply(search.experiment, trial.values)
        manifest = plan.data_of[BASE]
        folds = range(1, search.folds + 1) if search.folds else (0,)
        seeds_and_folds = [(seed, fold) for seed in search.seeds for fold in folds]

        def job_of(seed: int, fold: int) -> Job:
            run = folder.run(experiment.identity, seed, fold)
            shares = trial.halt is None and not run.complete
            return Job(
                title=_title(trial, seed, fold, len(seeds_and_folds)),
                name=trial.title,
                experiment=experiment,
                seed=seed,
                path=run.path,
                manifest=manifest,
                snapshot=plan.snapshots.get(manifest),
                view=View(fold=fold if search.folds else None, folds=search.folds),
                halt=trial.halt,
                trajectory=f"{trajectory_of(experiment, seed, digests)} fold {fold}" if digests and shares else "",
                watched=watched_by(experiment, digests) if digests else "",
            )

        jobs = [job_of(seed, fold) for seed, fold in seeds_and_folds]
        self._jobs = {job.title: job for job in jobs}
        self.waiting = dict(self._jobs)  # by title
        self._seeds_and_folds = dict(zip(self._jobs, seeds_and_folds, strict=True))
        self._under_way: set[str] = set()
        self._attempts = dict.fromkeys(self._jobs, 0)
        self._rows: dict[str, list[Row]] = {}
        self._ended: dict[str, TrialRun] = {}
        self._curves: dict[str, list[float]] = {}
        self._end: _End | None = None

    @property
    def titles(self) -> list[str]:
        return list(self._jobs)

    def trains_as(self, other: "TrialRuns") -> bool:
        """Returns whether the runs that are not complete train as those of another trial, in folders of their own."""
        ours, theirs = self.waiting.values(), other.waiting.values()
        mine, its = ({job.trajectory for job in jobs if job.trajectory} for jobs in (ours, theirs))
        same_folder = {job.path for job in ours} & {job.path for job in theirs}
        return bool(mine and its) and (mine <= its or its <= mine) and not same_folder

    def start(self, title: str) -> None:
        """Moves a waiting run to those under way."""
        del self.waiting[title]
        self._under_way.add(title)

    def began(self, title: str, rows: Sequence[Row]) -> None:
        """A run starts, or resumes with this history."""
        self._rows[title] = list(rows)

    def finished_epoch(self, title: str, row: Row) -> None:
        """A run has finished an epoch."""
        self._rows.setdefault(title, []).append(row)

    def finished_run(self, title: str, metrics: dict[str, float]) -> None:
        """A run has ended, or was stopped early as planned."""
        job, (seed, fold) = self._jobs[title], self._seeds_and_folds[title]
        self._under_way.discard(title)
        self._ended[title] = TrialRun(seed, fold, f"{job.path.parent.name}/{job.path.name}", metrics)
        rows: list[Row] = self._rows.get(title, [])
        if job.run.complete:
            rows = job.run.history().to_dict("records")  # type: ignore[assignment]
        self._curves[title] = [float(row[self.search.objective]) for row in rows]
        if "halted" in metrics and job.halt is not None and job.halt.bounds:
            # One run below the median prunes the whole trial.
            self._end_at(title, job.halt.reason(rows, job.experiment.epochs) or "", failed=False)

    def failed_run(self, title: str, message: str) -> bool:
        """A run has failed. Returns whether it is repeated, because the machine caused the failure."""
        job = self._jobs[title]
        self._under_way.discard(title)
        self._attempts[title] += 1
        if self._end is not None and self._end.place < self.titles.index(title):
            return False
        if job.run.failure is None and self._attempts[title] < _ATTEMPTS:
            self.waiting[title] = job
            return True
        self._end_at(title, message, failed=True)
        return False

    def _end_at(self, title: str, message: str, *, failed: bool) -> None:
        """Ends the trial at a run, unless an earlier one has ended it. Later runs do not start."""
        end = _End(self.titles.index(title), message, failed)
        if self._end is None or end.place < self._end.place:
            self._end = end
            for later in self.titles[end.place + 1 :]:
                self.waiting.pop(later, None)

    def outcome(self) -> Trial | None:
        """Returns the ended trial, or None while runs remain."""
        if self.waiting or self._under_way:
            return None
        end = self._end
        counted = [title for title in self.titles[: None if end is None else end.place + 1] if title in self._ended]
        runs = tuple(sorted((self._ended[title] for title in counted), key=lambda run: (run.seed, run.fold)))
        message = "" if end is None else end.message
        ended = {"runs": runs, "message": message, "seconds": sum(run.metrics["seconds"] for run in runs)}
        if end is not None and end.failed:
            return self.trial.but(status="failed", **ended)
        values = [run.metrics[self.search.goal.of_run] for run in runs]
        # In the order of the runs: the last digit of a mean depends on the order, and they end in any.
        curves = [self._curves[title] for title in counted]
        length = min(map(len, curves))
        curve = np.mean([curve[:length] for curve in curves], axis=0)
        return self.trial.but(
            status="completed" if end is None else "pruned",
            value=float(np.mean(values)),
            spread=float(np.std(values, ddof=1)) if len(values) > 1 else None,
            curve=tuple(map(float, curve)),
            **ended,
        )


def _title(trial: Trial, seed: int, fold: int, runs: int) -> str:
    if runs == 1:
        return trial.title
    return f"{trial.title} seed {seed}" + (f" fold {fold}" if fold else "")
