"""Engines that execute runs: in this process, or in worker processes side by side."""

import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from kerasclf.errors import KerasclfError, rebuild
from kerasclf.files.temporary import TemporaryFolder
from kerasclf.log import Log
from kerasclf.machine.cluster import launched
from kerasclf.machine.meter import free_memory_mb
from kerasclf.machine.resources import usable_cores
from kerasclf.networks.network_source import check_importable
from kerasclf.quiet import quiet_tensorflow
from kerasclf.runs.engines import forking
from kerasclf.runs.engines.engine import Jobs, Waiting, check_jobs, count_jobs, fail, pass_on
from kerasclf.runs.engines.worker_pool import WorkerPool
from kerasclf.runs.engines.worker_process import WorkerProcess, take_idle
from kerasclf.runs.execute import execute, is_passing
from kerasclf.runs.planning.plan import Plan, PlanRequest, make_plan
from kerasclf.runs.progress import OneRunListener, RunListener

# The plan may find that memory allows fewer runs, so only some workers start before it.
_MOST_AHEAD = 3


class Inline:
    """Executes runs one after the other in this process, for notebooks and debuggers."""

    def prepare(self) -> None:
        """Does nothing."""

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

    def start(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        def call() -> Any:
            quiet_tensorflow()
            return function(*arguments)

        return call


@dataclass(frozen=True)
class Processes:
    """Executes each run in a process of its own, several side by side, and divides the CPU cores between them.

    Args:
        jobs: Number of runs side by side. `"auto"` takes one per GPU, or one per core if memory allows.

    Raises:
        KerasclfError: If `jobs` is less than 1.
    """

    jobs: int | Literal["auto"] = "auto"
    # Workers that wait for a request.
    _spare: list[WorkerProcess] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_jobs(self.jobs)

    @cached_property
    def _temporary(self) -> TemporaryFolder:
        """The data sets that runs read, and the temporary files of the workers."""
        return TemporaryFolder()

    def prepare(self) -> None:
        if not self._spare:
            self._spare.append(self._start_worker())

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        check_importable([experiment.model for experiment in request.experiments.values()])
        snapshots = tempfile.mkdtemp(prefix="snapshots-", dir=self._temporary.path)
        # The plan measures with as many threads as each run will have, if memory allows so many runs side by side.
        width = self._side_by_side(None, 0, request.runs)
        threads = max(1, usable_cores() // width) if request.threads is None else request.threads
        request = replace(request, snapshots=snapshots, threads=threads)
        wait = self._ask({"task": "plan", "plan": request.to_dict()}, "makes the plan", log)
        self._start_ahead(width - 1)
        return Plan.from_dict(wait())

    def start(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        called = {"module": function.__module__, "function": function.__name__, "arguments": arguments}
        return self._ask({"task": "call", **called}, f"computes {function.__name__}")

    def _ask(self, request: dict[str, Any], purpose: str, log: Log = lambda line: None) -> Callable[[], Any]:
        """Sends a request to an idle or a new worker, and returns a function that waits for the answer.

        Args:
            request: The request, without its log file.
            purpose: What the worker does, for the message of a failure.
            log: Receives progress messages, one line each.
        """
        worker = take_idle(self._spare) or self._start_worker()
        log_file = Path(tempfile.mkdtemp(dir=self._temporary.path)) / "log.txt"
        worker.send({**request, "log": str(log_file)})
        return partial(self._wait, worker, log_file, purpose, log)

    def _wait(self, worker: WorkerProcess, log_file: Path, purpose: str, log: Log) -> Any:
        """Waits for the answer of a worker, which then waits for another request or ends."""
        try:
            answer = _answer(worker, log_file, purpose, log)
        except BaseException:
            worker.stop()
            raise
        if worker.accepts_more:
            self._spare.append(worker)
        else:
            worker.stop()
        return answer

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
        return self._own(WorkerProcess(self._temporary.environment, forks=forking.CAN_FORK))

    def _own(self, worker: WorkerProcess) -> WorkerProcess:
        """Lets a worker end with this engine, at the latest with this process."""
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
            if (left := pool.stop()) is not None:
                self._spare.append(self._own(left))
        return failures


def _answer(worker: WorkerProcess, log_file: Path, purpose: str, log: Log) -> Any:
    """Returns the answer of a worker to its request, after its last event."""
    answers = []
    for event, *values in worker.events:
        if event == "log":
            log(*values)
        elif event == "result":
            answers.append(values[0])
        elif event == "error":
            raise rebuild(values[0], values[1])
        elif event == "ended":
            break
    if not answers:
        raise KerasclfError(f"The process that {purpose} failed. {values[0]}\n{_tail(log_file)}")
    return answers[0]


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


def _tail(log_file: Path) -> str:
    if not log_file.exists():
        return ""
    return "\n".join(log_file.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
