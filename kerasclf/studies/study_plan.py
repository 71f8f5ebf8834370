"""`StudyPlan`: the remaining runs of a study, and the time, memory and disk that they need."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from kerasclf.files.cache_folders import cache_root
from kerasclf.machine.meter import free_memory_mb
from kerasclf.machine.resources import disk_of
from kerasclf.runs.job import Job
from kerasclf.runs.planning.cost import PhaseCost, side_by_side_s
from kerasclf.runs.planning.passes import Beginning, beginning
from kerasclf.runs.planning.plan import Plan
from kerasclf.runs.sharing import shared_epochs
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.transfer.cache import MAKE_ROOM
from kerasclf.wording import counted, format_bytes


@dataclass(frozen=True)
class StudyPlan:
    """The remaining runs of a study and their costs.

    Args:
        study: The study.
        folder: Its folder, which may not exist yet.
        plan: The checked data and networks, and the measured costs.
        jobs: The remaining runs.
        finished: Titles of the finished runs.
        failed: Reasons of the runs that failed earlier and are not tried again, by title.
        width: Number of runs side by side.
    """

    study: Study
    folder: StudyFolder
    plan: Plan
    jobs: tuple[Job, ...]
    finished: tuple[str, ...]
    failed: dict[str, str]
    width: int

    def between(self, before: int, runs: int) -> "StudyPlan":
        """Returns the plan of the runs between two looks.

        Args:
            before: Number of runs of each experiment at the earlier look, 0 for the start.
            runs: Number of runs at the later look.
        """
        seeds = self.study.seeds[before:runs]
        titles = {run_title(name, seed, self.study) for name in self.study.experiments for seed in seeds}
        jobs = tuple(job for job in self.jobs if job.title in titles)
        return replace(
            self,
            study=replace(self.study, seeds=self.study.seeds[:runs]),
            jobs=jobs,
            finished=tuple(title for title in self.finished if title in titles),
            failed={title: reason for title, reason in self.failed.items() if title in titles},
            width=max(1, min(self.width, len(jobs))),
        )

    def profiling_first(self) -> "StudyPlan":
        """Returns the plan in which the first remaining run profiles some of its steps. It then shares no training."""
        return replace(
            self, jobs=(*(replace(job, profile=True, trajectory="") for job in self.jobs[:1]), *self.jobs[1:])
        )

    @property
    def seconds(self) -> float:
        """Time of the remaining runs if all their epochs train, and runs side by side do not slow each other down.

        It includes neither the import of TensorFlow nor the report.
        """
        return self.extraction_s + self._training_s(shared_epochs(self.jobs))

    @property
    def epochs(self) -> int:
        """Number of epochs that remain if no run stops early, those that runs share counted for each of them."""
        return sum(max(job.experiment.epochs - job.run.epochs_done(), 0) for job in self.jobs)

    @property
    def shared_epochs(self) -> int:
        """Number of these epochs that need no training, because another run trains them."""
        return sum(shared_epochs(self.jobs).values())

    @property
    def saved_s(self) -> float:
        """Time that shared epochs save. Runs side by side can take as long as before: that of the longest one."""
        return self._training_s({}) - self._training_s(shared_epochs(self.jobs))

    def _training_s(self, shared: Mapping[str, int]) -> float:
        """Returns the time of the remaining epochs.

        Args:
            shared: Number of epochs that another run trains, by the title of the run.
        """
        costs = self.plan.costs
        lefts_s = [
            costs[job.name].left_s(job.run.epochs_done() + shared.get(job.title, 0))
            for job in self.jobs
            if job.name in costs
        ]
        return side_by_side_s(lefts_s, self.width)

    @property
    def extraction_s(self) -> float:
        """Time to compute the activations that the cache lacks.

        Runs that start from the same network share one pass, as long as the pass to the highest of their cuts.
        """
        passes: dict[Beginning, float] = {}
        for start, phase in self._caches():
            passes[start] = max(phase.extraction_s, passes.get(start, 0.0))
        return sum(passes.values())

    @property
    def cache_mb(self) -> float:
        """Size of these activations on disk, in 10⁶ bytes."""
        return sum(phase.cache_mb for _, phase in self._caches())

    @property
    def memory_mb(self) -> float:
        """Memory of the runs side by side, in 10⁶ bytes; 0 if it was not measured."""
        return 0.0 if self.plan.peak_memory_mb is None else self.width * self.plan.peak_memory_mb

    @property
    def disk_mb(self) -> float:
        """Size of the remaining runs on disk, in 10⁶ bytes."""
        return sum(self.plan.costs[job.name].disk_mb for job in self.jobs if job.name in self.plan.costs)

    def warnings(self) -> list[str]:
        """Returns sentences on memory or disk space that will not suffice."""
        found = []
        free_mb = free_memory_mb()
        if self.memory_mb > free_mb:
            what, remedy = f"{counted(self.width, 'run')} side by side need", "Reduce `jobs`."
            if self.width == 1:
                what, remedy = "A run needs", "Reduce the batch size."
            found.append(f"{what} about {_format_mb(self.memory_mb)} of memory. {_free(free_mb)} {remedy}")
        free_mb = disk_of(self.folder.path).free / 1e6
        if self.disk_mb > free_mb:
            found.append(f"The runs need about {_format_mb(self.disk_mb)} of disk space. {_free(free_mb)}")
        free_mb = disk_of(cache_root()).free / 1e6
        if self.cache_mb > free_mb:
            found.append(
                f"The cached activations need about {_format_mb(self.cache_mb)} of disk space. {_free(free_mb)} "
                f"{MAKE_ROOM}"
            )
        return found

    def _caches(self) -> Iterable[tuple[Beginning, PhaseCost]]:
        """Returns one phase per cache, with the beginning that the runs of this cache share."""
        found = {}
        for job in self.jobs:
            for phase in self.plan.costs[job.name].phases if job.name in self.plan.costs else ():
                if phase.cache:
                    start = beginning(job.experiment, job.seed)
                    found[phase.cache, start[1]] = start, phase
        return found.values()


def run_title(name: str, seed: int, study: Study) -> str:
    """Returns the title of a run of a study: its experiment, and its seed if there are several."""
    return name if len(study.seeds) == 1 else f"{name} seed {seed}"


def _format_mb(megabytes: float) -> str:
    return format_bytes(1e6 * megabytes)


def _free(megabytes: float) -> str:
    return f"Free: {_format_mb(megabytes)}."
