"""What a study still has before it: runs, time, memory and disk."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kerasclf.runs.cost import PhaseCost
from kerasclf.runs.job import Job
from kerasclf.runs.passes import Beginning, beginning
from kerasclf.runs.plan import Plan
from kerasclf.runs.resources import free_memory_mb
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.transfer.cache import MAKE_ROOM, cache_root


@dataclass(frozen=True)
class StudyPlan:
    """What a study still has before it.

    Args:
        study: The study.
        folder: Its folder, which may not exist yet.
        plan: What was measured.
        jobs: The runs that are to be made.
        finished: Titles of those that are finished.
        failed: Why, by title, for those that failed earlier and are not tried again.
        width: Runs side by side.
    """

    study: Study
    folder: StudyFolder
    plan: Plan
    jobs: tuple[Job, ...]
    finished: tuple[str, ...]
    failed: dict[str, str]
    width: int

    @property
    def seconds(self) -> float:
        """The time of all runs that are to be made, at most, where each of those side by side keeps its pace."""
        costs = self.plan.costs
        runs_s = sum(costs[j.name].left_s(j.run.epochs_done()) for j in self.jobs if j.name in costs)
        return self.extraction_s + runs_s / self.width

    @property
    def extraction_s(self) -> float:
        """The time to compute the activations that are not kept yet.

        Runs that begin alike take one pass, which is as long as that of the highest of their cuts.
        """
        passes: dict[Beginning, float] = {}
        for begun, phase in self._caches():
            passes[begun] = max(phase.extraction_s, passes.get(begun, 0.0))
        return sum(passes.values())

    @property
    def cache_mb(self) -> float:
        """What these activations take on disk, in 10⁶ bytes."""
        return sum(phase.cache_mb for _, phase in self._caches())

    @property
    def memory_mb(self) -> float:
        """Memory of the runs side by side, in 10⁶ bytes."""
        return self.width * (self.plan.peak_memory_mb or 0.0)

    @property
    def disk_mb(self) -> float:
        """Disk for the runs to be made, in 10⁶ bytes."""
        return sum(self.plan.costs[job.name].disk_mb for job in self.jobs if job.name in self.plan.costs)

    def warnings(self) -> list[str]:
        """Returns sentences on what will be short."""
        found = []
        if self.memory_mb > free_memory_mb():
            found.append(
                f"{self.width} runs side by side take about {self.memory_mb / 1000:.1f} GB of memory; "
                f"{free_memory_mb() / 1000:.1f} GB are free. Take fewer --jobs."
            )
        free_mb = shutil.disk_usage(_existing(self.folder.path)).free / 1e6
        if self.disk_mb > free_mb:
            found.append(f"The runs take about {self.disk_mb:,.0f} MB of disk; {free_mb:,.0f} MB are free.")
        free_mb = shutil.disk_usage(_existing(cache_root())).free / 1e6
        if self.cache_mb > free_mb:
            found.append(
                f"Frozen activations take about {self.cache_mb:,.0f} MB; {free_mb:,.0f} MB are free. {MAKE_ROOM}"
            )
        return found

    def _caches(self) -> Iterable[tuple[Beginning, PhaseCost]]:
        """Returns a phase for each cache, which runs share, with what those runs have in common."""
        found = {}
        for job in self.jobs:
            for phase in self.plan.costs[job.name].phases if job.name in self.plan.costs else ():
                if phase.cache:
                    begun = beginning(job.experiment, job.seed)
                    found[phase.cache, begun[1]] = begun, phase
        return found.values()


def _existing(path: Path) -> Path:
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
