"""The engine that executes runs on a Ray cluster: on several machines, or on this one."""

import contextlib
import io
import queue
import shutil
import signal
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kerasclf.errors import KerasclfError
from kerasclf.extras import install_command
from kerasclf.files.temporary import TemporaryFolder
from kerasclf.log import Log
from kerasclf.networks.network_source import search_path, use_search_path
from kerasclf.runs.engines.engine import Jobs, Waiting, check_jobs, count_jobs, fail, pass_on
from kerasclf.runs.engines.local_engines import Processes
from kerasclf.runs.engines.worker import Messenger, run_job
from kerasclf.runs.execute import is_passing, reason_of
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan, PlanRequest
from kerasclf.runs.progress import RunListener
from kerasclf.runs.run_folder import RunFolder

# How often Ray restarts a run whose machine or process was lost.
_RETRIES = 3
_POLL_EVERY_S = 0.5


@dataclass(frozen=True)
class Ray:
    """Executes runs on a Ray cluster. The study's folder should be on storage that all machines share.

    If a machine is lost, its runs restart elsewhere. On shared storage they resume after their last epoch. A run
    folder on the disk of another machine is copied to this one when the run is finished.

    Args:
        address: Address of the cluster, or `"auto"` for the cluster of this machine; None starts one on this machine.
        jobs: Maximum number of runs side by side; `"auto"` leaves it to the cluster.
        threads: CPU threads per run.

    Raises:
        KerasclfError: If `jobs` or `threads` is less than 1.
    """

    address: str | None = None
    jobs: int | Literal["auto"] = "auto"
    threads: int = 1

    def __post_init__(self) -> None:
        check_jobs(self.jobs)
        if self.threads < 1:
            raise KerasclfError(f"threads: expected at least 1. Received: {self.threads}.")

    def prepare(self) -> None:
        """Does nothing."""

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        return Processes().plan(replace(request, threads=self.threads), log)

    def start(self, function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
        return Processes().start(function, *arguments)

    def width(self, plan: Plan, runs: int) -> int:
        resources = self._connect().cluster_resources()
        gpus, cores = int(resources.get("GPU", 0)), int(resources.get("CPU", 1))
        room = gpus if gpus > 0 else cores // self.threads
        return max(1, min(room if self.jobs == "auto" else self.jobs, runs))

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        ray = self._connect()
        from ray.util.queue import Queue
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        # The queue of events stays on this machine: another machine may be lost.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        events = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        remote = ray.remote(num_cpus=self.threads, num_gpus=gpus, max_retries=_RETRIES, max_calls=1)(_run)
        waiting = Waiting(jobs)
        width, failures = self.width(plan, count_jobs(jobs)), dict[str, str]()
        current: dict[Any, Job] = {}
        try:
            while True:
                while len(current) < width and (job := waiting.take()):
                    current[remote.remote(replace(job, threads=self.threads).to_dict(), events, search_path())] = job
                if not current:
                    break
                watch()
                done, _ = ray.wait(list(current), timeout=_POLL_EVERY_S)
                _pass_on_all(events, listener)
                for reference in done:
                    job = current.pop(reference)
                    message = self._collect(ray, reference, job, listener)
                    if message:
                        failures[job.title] = message
        finally:
            for reference in current:
                ray.cancel(reference, force=True)
            events.shutdown(force=True)
        return failures

    def _collect(self, ray: Any, reference: Any, job: Job, listener: RunListener) -> str | None:
        """Collects a finished run; returns the reason if it failed, otherwise None."""
        try:
            answer = ray.get(reference)
        except ray.exceptions.RayError as error:
            reason = f"Ray lost the run {1 + _RETRIES} times: {str(error).splitlines()[0]}"
            return fail(job, reason, listener, lasting=False)
        if "error" in answer:
            return fail(job, answer["error"], listener, lasting=answer["lasting"])
        if not job.run.complete and answer["files"] is not None:
            _unpack(answer["files"], job.path)
        listener.finished_run(job.title, answer["metrics"])
        return None

    def _connect(self) -> Any:
        try:
            import ray
        except ImportError as error:
            raise KerasclfError(f"Ray is not installed. Install it: {install_command('ray')}.") from error
        if not ray.is_initialized():
            try:
                with _kept_sigterm_handler():
                    dashboard = False if self.address is None else None
                    ray.init(self.address, log_to_driver=False, include_dashboard=dashboard)
            except ConnectionError as error:
                raise KerasclfError(f"address: no Ray cluster answers at {self.address!r}. {error}") from error
        return ray


@contextlib.contextmanager
def _kept_sigterm_handler() -> Iterator[None]:
    """Restores the handler of SIGTERM, which Ray replaces by its own."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _run(plain: dict[str, Any], events: Any, path: list[str]) -> dict[str, Any]:
    """Executes a run on the machine where Ray calls this function, in a process that ends with the run.

    It imports from the folders of `path`: those of the process that started the study.
    """
    use_search_path(path)
    job, temporary = Job.from_dict(plain), TemporaryFolder()
    temporary.use()
    try:
        metrics = run_job(job, Messenger(lambda event: events.put([job.title, event])))
        return {"metrics": metrics, "files": _pack(job.path) if job.run.complete else None}
    except Exception as error:  # Ray would hide it behind an error of its own.
        return {"error": reason_of(error), "lasting": not is_passing(error)}
    finally:
        temporary.remove()


def _pass_on_all(events: Any, listener: RunListener) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            title, event = events.get(block=False)
            pass_on(title, event, listener)


def _pack(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


def _unpack(files: bytes, path: Path) -> None:
    """Unpacks a run folder into a temporary folder, and moves it to its path when it is complete."""
    run = RunFolder(path)
    with tarfile.open(fileobj=io.BytesIO(files)) as archive:
        archive.extractall(run.begin_result(), filter="data")
    run.take_result()
    shutil.rmtree(run.partial, ignore_errors=True)
