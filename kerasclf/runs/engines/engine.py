"""What all engines share: their methods, the runs that wait for them, and how they report a failure."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Sized
from typing import Any, Protocol

from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan, PlanRequest
from kerasclf.runs.progress import OneRunListener, RunListener

# The runs to execute. An engine takes the next one when it has room, so an iterator may use the results so far. None
# means: wait until one of the current runs has ended.
Jobs = Iterable[Job | None]


class Engine(Protocol):
    """Makes plans, executes runs, and computes what else needs TensorFlow."""

    def prepare(self) -> None:
        """Starts what a plan needs, such as the import of TensorFlow, and returns at once."""

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

    def start(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        """Starts a function that needs TensorFlow, and returns a function that waits for its result.

        Args:
            function: A function of a module.
            arguments: Its arguments, plain JSON types like its result.

        Raises:
            KerasclfError: From the returned function, if the function fails or its process ends without an answer.
        """


def check_jobs(jobs: int | str) -> None:
    """Checks a number of runs side by side.

    Raises:
        KerasclfError: If it is neither "auto" nor at least 1.
    """
    if jobs != "auto" and (not isinstance(jobs, int) or jobs < 1):
        raise KerasclfError(f"jobs: expected at least 1, or 'auto'. Received: {jobs!r}.")


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
