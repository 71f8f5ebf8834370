"""Where runs are made: in this process, or in processes of their own side by side."""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from kerasclf import errors
from kerasclf.errors import KerasclfError
from kerasclf.machine import usable_cores
from kerasclf.studies.execute import execute, is_passing
from kerasclf.studies.job import Job
from kerasclf.studies.plan import Plan, PlanRequest, make_plan
from kerasclf.studies.progress import OfRun, StudyListener
from kerasclf.studies.resources import automatic_jobs

# After this long a worker that was asked to end is made to.
_GRACE_S = 5


# The runs to make. An iterator is asked for the next whenever there is room for it, so that it may depend on the
# results so far; None means that there is nothing to run before one that is under way has ended.
Jobs = Iterable[Job | None]


class Engine(Protocol):
    """Makes plans and runs somewhere."""

    def plan(self, request: PlanRequest, said: Callable[[str], None]) -> Plan:
        """Checks data and experiments and measures what they will cost."""

    def width(self, plan: Plan, runs: int) -> int:
        """Returns how many of so many runs will be made side by side."""

    def run(
        self, jobs: Jobs, plan: Plan, listener: StudyListener, watch: Callable[[], None] = lambda: None
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

    def plan(self, request: PlanRequest, said: Callable[[str], None]) -> Plan:
        return make_plan(request, said)

    def width(self, plan: Plan, runs: int) -> int:
        return 1

    def run(
        self, jobs: Jobs, plan: Plan, listener: StudyListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        failures = {}
        for job in jobs:
            if job is None:  # nothing is under way that could be waited for
                break
            try:
                watch()
                metrics = execute(job, OfRun(job.title, listener))
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

    def plan(self, request: PlanRequest, said: Callable[[str], None]) -> Plan:
        snapshots = tempfile.mkdtemp(prefix="kerasclf-")
        weakref.finalize(self, shutil.rmtree, snapshots, ignore_errors=True)
        # Measured as the runs will be: with the threads that each of them gets.
        width = usable_cores() if self.jobs == "auto" else self.jobs
        request = replace(request, snapshots=snapshots, threads=request.threads or max(1, usable_cores() // width))
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "log.txt"
            worker = _Worker({"task": "plan", "plan": request.to_dict(), "log": str(log)}, {})
            try:
                for event, *values in worker.events():
                    if event == "said":
                        said(*values)
                    elif event == "result":
                        return Plan.from_dict(values[0])
                    elif event == "error":
                        raise getattr(errors, values[0], KerasclfError)(values[1])
            finally:
                worker.stop()
            raise KerasclfError(f"The experiments could not be tried. {worker.how_it_ended()}\n{_tail(log)}")

    def width(self, plan: Plan, runs: int) -> int:
        wanted = automatic_jobs(plan.peak_memory_mb, plan.gpus) if self.jobs == "auto" else self.jobs
        return max(1, min(wanted, runs))

    def run(
        self, jobs: Jobs, plan: Plan, listener: StudyListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        width = self.width(plan, how_many(jobs))
        threads = None if plan.gpus else max(1, usable_cores() // width)
        waiting = Waiting(jobs)
        slots, under_way = set(range(width)), dict[int, tuple[Job, _Worker]]()
        news: queue.Queue[tuple[int, list[Any]]] = queue.Queue()
        failures = {}
        try:
            while True:
                while slots and (job := waiting.take()):
                    slot = slots.pop()
                    under_way[slot] = job, _start(replace(job, threads=threads), slot, plan.gpus, news)
                if not under_way:
                    break
                slot, (event, *values) = _next(news, watch)
                job, worker = under_way[slot]
                if event == "result":
                    listener.finished_run(job.title, *values)
                elif event == "error":
                    _, message, passing = values
                    failures[job.title] = fail(job, message, listener, lasting=not passing)
                elif event == "ended":
                    worker.stop()
                    if not worker.answered:
                        failures[job.title] = fail(job, worker.how_it_ended(), listener, lasting=False)
                    del under_way[slot]
                    slots.add(slot)
                else:
                    pass_on(job.title, [event, *values], listener)
        finally:
            for _, worker in under_way.values():
                worker.stop()
        return failures


def fail(job: Job, message: str, listener: StudyListener, lasting: bool) -> str:
    """Tells of a failure and returns its message; a lasting one is written down, so that it is not met again."""
    if lasting:
        with contextlib.suppress(OSError):
            job.run.note_failure(message)
    log = job.run.log
    if log.exists():
        message = f"{message} The log is {log}."
    listener.failed_run(job.title, message)
    return message


def pass_on(title: str, event: list[Any], listener: StudyListener) -> None:
    """Tells a study's listener of an event of one of its runs."""
    name, *values = event
    getattr(OfRun(title, listener), name)(*values)


def _start(job: Job, slot: int, gpus: int, news: "queue.Queue[tuple[int, list[Any]]]") -> "_Worker":
    request = {"task": "run", "job": job.to_dict(), "log": str(job.run.log.absolute())}
    # One GPU each, where there are several: a run that wants more asks for the strategy "mirrored" and --jobs 1.
    environment = {"CUDA_VISIBLE_DEVICES": str(slot % gpus)} if gpus > 1 else {}
    worker = _Worker(request, environment)

    def read() -> None:
        for event in worker.events():
            news.put((slot, event))
        news.put((slot, ["ended"]))

    threading.Thread(target=read, daemon=True).start()
    return worker


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


def _next(news: "queue.Queue[tuple[int, list[Any]]]", watch: Callable[[], None]) -> tuple[int, list[Any]]:
    while True:  # so that Ctrl-C is heard on Windows, too
        watch()
        with contextlib.suppress(queue.Empty):
            return news.get(timeout=0.5)


class _Worker:
    """A worker process (see worker.py) and what it sends."""

    def __init__(self, request: dict[str, Any], environment: dict[str, str]) -> None:
        self.answered = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kerasclf.studies.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **environment},
            # Ctrl-C is for the process that waits; it ends the workers itself.
            start_new_session=True,
        )
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def events(self) -> Iterator[list[Any]]:
        """Yields what the process sends until it ends."""
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                self.answered |= event[0] in ("result", "error")
                yield event

    def stop(self) -> None:
        """Ends the process, if it has not ended, and waits for it."""
        if self.answered:  # it ends by itself
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_S)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def how_it_ended(self) -> str:
        """Returns, in words, how a process ended that gave no answer."""
        code = self.process.wait()
        if code == -9:  # SIGKILL, a name that Windows lacks
            return (
                "The process was killed (SIGKILL), most likely by the system for lack of memory: "
                "try fewer --jobs or a smaller batch size."
            )
        if code < 0:
            return f"The process was ended by {signal.Signals(-code).name}."
        return f"The process ended with exit code {code} and no answer."


def _tail(log: Path) -> str:
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
