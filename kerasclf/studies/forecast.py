"""The forecast of a study's runs, compared with the time that they took."""

import time
from dataclasses import asdict, dataclass

from kerasclf.runs.job import Job
from kerasclf.runs.planning.cost import side_by_side_s
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.wording import as_clock

# A forecast that is off by more than this factor comes from a busy machine: its measurements are made anew.
MOST_OFF = 2.0
# The share of the planned epochs below which the forecast names those that took place.
_ALL = 0.98


@dataclass(frozen=True)
class Timing:
    """The planned and the real time of some runs.

    Args:
        runs: Number of runs.
        planned_s: Seconds that they were planned to take, all epochs included.
        trained_s: Seconds that were planned for the epochs that took place: early stopping leaves out the others.
        took_s: Seconds that the runs took.

    Example:
        >>> from kerasclf.studies.forecast import Timing
        >>> print(Timing(runs=4, planned_s=130, trained_s=130, took_s=210))
        planned 2:10, took 3:30
        >>> print(Timing(runs=4, planned_s=3930, trained_s=100, took_s=105))
        planned 1:05:30, 1:40 of it for the epochs that took place, took 1:45
    """

    runs: int
    planned_s: float
    trained_s: float
    took_s: float

    def __str__(self) -> str:
        stopped = self.trained_s < _ALL * self.planned_s
        part = f", {as_clock(self.trained_s)} of it for the epochs that took place" if stopped else ""
        return f"planned {as_clock(self.planned_s)}{part}, took {as_clock(self.took_s)}"

    @property
    def off(self) -> float:
        """The factor between the planned and the real time, at least 1."""
        shorter, longer = sorted((max(self.trained_s, 1e-3), max(self.took_s, 1e-3)))
        return longer / shorter

    def to_dict(self) -> dict[str, float]:
        """Returns plain JSON types."""
        return {name: round(value, 1) for name, value in asdict(self).items()}


class Stopwatch:
    """Times the runs of a plan from its creation on.

    Args:
        study_plan: The plan, before its runs start.
    """

    def __init__(self, study_plan: StudyPlan) -> None:
        self._plan = study_plan
        self._planned_s, self._extraction_s = study_plan.seconds, study_plan.extraction_s
        self._before = {job.title: job.run.epochs_done() for job in study_plan.jobs}
        self._began = time.monotonic()

    def stop(self) -> Timing | None:
        """Returns the forecast with the time that the runs took; None if their costs or some results are unknown."""
        took_s, jobs = time.monotonic() - self._began, self._plan.jobs
        if not jobs or not all(job.name in self._plan.plan.costs and job.run.complete for job in jobs):
            return None
        parts = [self._trained_s(job) for job in jobs]
        trained_s = self._extraction_s + side_by_side_s(parts, self._plan.width)
        return Timing(len(jobs), self._planned_s, trained_s, took_s)

    def _trained_s(self, job: Job) -> float:
        """Returns the seconds that were planned for the epochs that a run has trained itself, its start and its end."""
        cost, before = self._plan.plan.costs[job.name], self._before[job.title]
        taken = job.run.description().get("shared", {}).get("taken", [])
        shared = sum(share["epochs"] for share in taken)
        trained = max(int(job.run.metrics()["epochs"]) - before - shared, 0)
        around_s = cost.left_s(job.experiment.epochs)
        return around_s + cost.left_s(before + shared) - cost.left_s(before + shared + trained)
