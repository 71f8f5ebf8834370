"""Where runs are made: in this process, or in processes of their own side by side."""

import contextlib
import shutil
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Sized
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from kerasclf import errors
from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.machine import usable_cores
from kerasclf.runs import forking
from kerasclf.runs.execute import execute, is_passing
from kerasclf.runs.job import Job
from kerasclf.runs.plan import Plan, PlanRequest, make_plan
from kerasclf.runs.progress import OneRunListener, RunListener
from kerasclf.runs.resources import automatic_jobs
from kerasclf.runs.worker_pool import WorkerPool
from kerasclf.runs.worker_process import WorkerProcess, take_up

# The runs to make. An iterator is asked for the next whenever there is room for it, so that it may depend on the
# results so far; None means that there is nothing to run before one that is under way has ended.
Jobs = Iterable[Job | None]


class Engine(Protocol):
    """Makes plans and runs somewhere."""

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        """Checks data and experiments and measures what they will cost."""

    def width(self, plan: Plan, runs: int) -> int:
        """Returns how many of so many runs will be made side by side."""

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        """Makes the runs; returns why, by title, for each that failed.

        Args:
            jobs: What to run; see `Jobs`.
            plan: What was found out about them.
            listener: Who is told of the progress.
            watch: Is called about twice a second where runs have processes of their own; what it raises ends the runs
                under way, which keep their last epoch.
        """


class Inline:
    """Makes runs one after the other in this process: for notebooks and debuggers."""

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        return make_plan(request, log)

    def width(self, plan: Plan, runs: int) -> int:
        return 1

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        failures = {}
        for job in jobs:
            if job is None:  # nothing is under way that could be waited for
                break
            try:
                watch()
                metrics = execute(job, OneRunListener(job.title, listener))
            except (KerasclfError, OSError) as error:
                failures[job.title] = fail(job, str(error), listener, lasting=not is_passing(error))
            else:
                listener.finished_run(job.title, metrics)
        return failures


@dataclass(frozen=True)
class Processes:
    """Makes every run in a process of its own, several side by side, with the CPU's cores divided between them.

    Args:
        jobs: Runs side by side; `"auto"` takes one a GPU, or one a core as far as memory reaches.
    """

    jobs: int | Literal["auto"] = "auto"
    # Workers that made a plan; they make runs as well.
    _spare: list[WorkerProcess] = field(default_factory=list, init=False, repr=False, compare=False)

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        snapshots = tempfile.mkdtemp(prefix="kerasclf-")
        weakref.finalize(self, shutil.rmtree, snapshots, ignore_errors=True)
        # Measured as the runs will be: with the threads that each of them gets.
        width = usable_cores() if self.jobs == "auto" else self.jobs
        request = replace(request, snapshots=snapshots, threads=request.threads or max(1, usable_cores() // width))
        with tempfile.TemporaryDirectory() as folder:
            log_file = Path(folder) / "log.txt"
            worker = take_up(self._spare) or self._started()
            try:
                plan = _asked_for(request, worker, log_file, log)
            except BaseException:
                worker.stop()
                raise
        if worker.takes_more:
            self._spare.append(worker)
        else:
            worker.stop()
        return plan

    def _started(self) -> WorkerProcess:
        worker = WorkerProcess(forks=forking.CAN_FORK)
        weakref.finalize(self, worker.stop)
        return worker

    def width(self, plan: Plan, runs: int) -> int:
        wanted = automatic_jobs(plan.peak_memory_mb, plan.gpus) if self.jobs == "auto" else self.jobs
        return max(1, min(wanted, runs))

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        width = self.width(plan, how_many(jobs))
        threads = None if plan.gpus else max(1, usable_cores() // width)
        waiting, pool = Waiting(jobs), WorkerPool(width, plan.gpus, self._spare)
        failures = {}
        try:
            while True:
                while pool.has_room and (job := waiting.take()):
                    pool.start(replace(job, threads=threads))
                if not pool.under_way:
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


def _asked_for(request: PlanRequest, worker: WorkerProcess, log_file: Path, log: Log) -> Plan:
    """Returns the plan that a worker makes, once it has nothing more to say of it."""
    plan = None
    worker.ask({"task": "plan", "plan": request.to_dict(), "log": str(log_file)})
    for event, *values in worker.events:
        if event == "log":
            log(*values)
        elif event == "result":
            plan = Plan.from_dict(values[0])
        elif event == "error":
            raise getattr(errors, values[0], KerasclfError)(values[1])
        elif event == "ended":
            break
    if plan is None:
        raise KerasclfError(f"The experiments could not be tried. {values[0]}\n{_tail(log_file)}")
    return plan


def fail(job: Job, message: str, listener: RunListener, lasting: bool) -> str:
    """Tells of a failure and returns its message; a lasting one is written down, so that it is not met again."""
    if lasting:
        with contextlib.suppress(OSError):
            job.run.note_failure(message)
    log_file = job.run.log_file
    if log_file.exists():
        message = f"{message} The log is {log_file}."
    listener.failed_run(job.title, message)
    return message


def pass_on(title: str, event: list[Any], listener: RunListener) -> None:
    """Tells a study's listener of an event of one of its runs."""
    name, *values = event
    getattr(OneRunListener(title, listener), name)(*values)


class Waiting:
    """The runs that are still to be made."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = iter(jobs)

    def take(self) -> Job | None:
        """Returns the next one; None where there is none, or none yet."""
        return next(self._jobs, None)


def how_many(jobs: Jobs) -> int:
    """Returns how many runs there are to make, or very many where nobody knows yet."""
    return len(jobs) if isinstance(jobs, Sized) else sys.maxsize


def _tail(log_file: Path) -> str:
    if not log_file.exists():
        return ""
    return "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
