"""Engines that execute runs: in this process, or in worker processes side by side."""

import contextlib
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from kerasclf.errors import KerasclfError, rebuild
from kerasclf.files.temporary import TemporaryFolder
from kerasclf.log import Log
from kerasclf.machine.cluster import launched
from kerasclf.machine.meter import free_memory_mb
from kerasclf.machine.resources import usable_cores
from kerasclf.networks.network_source import check_importable
from kerasclf.quiet import quiet_tensorflow
from kerasclf.runs.engines import forking
from kerasclf.runs.engines.worker_pool import WorkerPool
from kerasclf.runs.engines.worker_process import WorkerProcess, take_idle
from kerasclf.runs.execute import execute, is_passing
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan, PlanRequest, make_plan
from kerasclf.runs.progress import OneRunListener, RunListener

# The runs to execute. An engine takes the next one when it has room, so an iterator may use the results so far. None
# means: wait until one of the current runs has ended.
Jobs = Iterable[Job | None]
# The plan may find that memory allows fewer runs, so only some workers start before it.
_MOST_AHEAD = 3


class Engine(Protocol):
    """Makes plans and executes runs."""

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        """Checks data and experiments and measures their cost.

        Args:
            request: The experiments.
            log: Receives progress messages, one line each.
        """

    def width(self, plan: Plan, runs: int) -> int:
        """Returns how many of `runs` runs are executed side by side."""

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        """Executes the runs and returns the reasons of those that failed, by title.

        Args:
            jobs: The runs; see `Jobs`.
            plan: Their plan.
            listener: Receives the progress of the runs.
            watch: Called about twice a second if runs have processes of their own, otherwise before each run. An
                exception that it raises ends the current runs, which keep their last epoch.
        """


class Inline:
    """Executes runs one after the other in this process, for notebooks and debuggers."""

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        return make_plan(request, log)

    def width(self, plan: Plan, runs: int) -> int:
        return 1

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        failures = {}
        for job in jobs:
            if job is None:  # There is no current run to wait for.
                break
            try:
                watch()
                quiet_tensorflow()
                metrics = execute(job, OneRunListener(job.title, listener))
            except (KerasclfError, OSError) as error:
                failures[job.title] = fail(job, str(error), listener, lasting=not is_passing(error))
            else:
                listener.finished_run(job.title, metrics)
        return failures


@dataclass(frozen=True)
class Processes:
    """Executes each run in a process of its own, several side by side, and divides the CPU cores between them.

    Args:
        jobs: Number of runs side by side. `"auto"` takes one per GPU, or one per core if memory allows.

    Raises:
        KerasclfError: If `jobs` is less than 1.
    """

    jobs: int | Literal["auto"] = "auto"
    # Workers that have made a plan and can execute runs, too.
    _spare: list[WorkerProcess] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_jobs(self.jobs)

    @cached_property
    def _temporary(self) -> TemporaryFolder:
        """The data sets that runs read, and the temporary files of the workers."""
        return TemporaryFolder()

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        check_importable([experiment.model for experiment in request.experiments.values()])
        snapshots = tempfile.mkdtemp(prefix="snapshots-", dir=self._temporary.path)
        # The plan measures with as many threads as each run will have, if memory allows so many runs side by side.
        width = self._side_by_side(None, 0, request.runs)
        threads = max(1, usable_cores() // width) if request.threads is None else request.threads
        request = replace(request, snapshots=snapshots, threads=threads)
        with tempfile.TemporaryDirectory(dir=self._temporary.path) as folder:
            log_file = Path(folder) / "log.txt"
            worker = take_idle(self._spare) or self._start_worker()
            self._start_ahead(width - 1)
            try:
                plan = _request_plan(request, worker, log_file, log)
            except BaseException:
                worker.stop()
                raise
        if worker.accepts_more:
            self._spare.append(worker)
        else:
            worker.stop()
        return plan

    def _side_by_side(self, peak_mb: float | None, gpus: int, runs: int | None) -> int:
        """Returns the number of runs side by side, out of `runs` or of any number of runs."""
        if launched() is not None:  # All workers train one run at a time.
            return 1
        jobs = automatic_jobs(peak_mb, gpus) if self.jobs == "auto" else self.jobs
        return jobs if runs is None else max(1, min(jobs, runs))

    def _start_ahead(self, others: int) -> None:
        """Starts the workers of the other runs side by side, which import TensorFlow while the plan is made."""
        if forking.CAN_FORK:
            for _ in range(min(others, usable_cores() - 1, _MOST_AHEAD) - len(self._spare)):
                self._spare.append(self._start_worker())

    def _start_worker(self) -> WorkerProcess:
        worker = WorkerProcess(self._temporary.environment, forks=forking.CAN_FORK)
        weakref.finalize(self, worker.stop)
        return worker

    def width(self, plan: Plan, runs: int) -> int:
        return self._side_by_side(plan.peak_memory_mb, plan.gpus, runs)

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        total, started = count_jobs(jobs), 0
        width = self.width(plan, total)
        threads = None if plan.gpus else max(1, usable_cores() // width)
        waiting, pool = Waiting(jobs), WorkerPool(width, plan.gpus, self._spare, self._temporary.environment)
        failures = {}
        try:
            while True:
                while pool.has_room and (job := waiting.take()):
                    started += 1
                    pool.start(replace(job, threads=threads), more=started + width <= total)
                if not pool.current:
                    break
                job, (event, *values) = pool.next_event(watch)
                if event == "result":
                    listener.finished_run(job.title, *values)
                elif event == "error":
                    _, message, passing = values
                    failures[job.title] = fail(job, message, listener, lasting=not passing)
                elif event == "ended":
                    if values[0]:
                        failures[job.title] = fail(job, values[0], listener, lasting=False)
                else:
                    pass_on(job.title, [event, *values], listener)
        finally:
            pool.stop()
        return failures


def _request_plan(request: PlanRequest, worker: WorkerProcess, log_file: Path, log: Log) -> Plan:
    """Returns the plan that a worker makes, after its last event."""
    plan = None
    worker.send({"task": "plan", "plan": request.to_dict(), "log": str(log_file)})
    for event, *values in worker.events:
        if event == "log":
            log(*values)
        elif event == "result":
            plan = Plan.from_dict(values[0])
        elif event == "error":
            raise rebuild(values[0], values[1])
        elif event == "ended":
            break
    if plan is None:
        raise KerasclfError(f"The process that makes the plan failed. {values[0]}\n{_tail(log_file)}")
    return plan


def check_jobs(jobs: int | str) -> None:
    """Checks a number of runs side by side.

    Raises:
        KerasclfError: If it is neither "auto" nor at least 1.
    """
    if jobs != "auto" and (not isinstance(jobs, int) or jobs < 1):
        raise KerasclfError(f"jobs: expected at least 1, or 'auto'. Received: {jobs!r}.")


def automatic_jobs(peak_mb: float | None, gpus: int) -> int:
    """Returns the fastest number of runs side by side: one per GPU, or one per core if memory allows.

    The small operations of a step divide badly between threads. One-threaded runs side by side are faster, as
    measured with the networks of the ladder (benchmarks/README.md).

    Args:
        peak_mb: Maximum memory of one run, in 10⁶ bytes; None if it is unknown.
        gpus: Number of GPUs of this machine.
    """
    jobs = gpus if gpus > 0 else usable_cores()
    if peak_mb is not None:
        jobs = min(jobs, int(0.8 * free_memory_mb() / max(peak_mb, 1.0)))
    return max(1, jobs)


def fail(job: Job, message: str, listener: RunListener, lasting: bool) -> str:
    """Notifies the listener of a failure and returns its message.

    Args:
        job: The run that failed.
        message: The reason.
        listener: Receives the failure.
        lasting: Whether the run would fail again. Such a failure is recorded, and the run is not repeated by itself.
    """
    if lasting:
        with contextlib.suppress(OSError):
            job.run.note_failure(message)
    log_file = job.run.log_file
    if log_file.exists():
        message = f"{message} The log is {log_file}."
    listener.failed_run(job.title, message)
    return message


def pass_on(title: str, event: list[Any], listener: RunListener) -> None:
    """Passes an event of a run on to the listener of its study."""
    name, *values = event
    getattr(OneRunListener(title, listener), name)(*values)


class Waiting:
    """The runs that have not started.

    Args:
        jobs: The runs; see `Jobs`.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = iter(jobs)

    def take(self) -> Job | None:
        """Returns the next run; None if there is none, or none yet."""
        return next(self._jobs, None)


def count_jobs(jobs: Jobs) -> int:
    """Returns the number of runs, or a very large number if it is unknown."""
    return len(jobs) if isinstance(jobs, Sized) else sys.maxsize


def _tail(log_file: Path) -> str:
    if not log_file.exists():
        return ""
    return "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
