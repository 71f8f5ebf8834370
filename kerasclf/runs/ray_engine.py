"""Makes runs on a Ray cluster: on several machines, or on this one."""

import contextlib
import io
import queue
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.runs.engines import Jobs, Processes, Waiting, fail, how_many, pass_on
from kerasclf.runs.execute import is_passing
from kerasclf.runs.job import Job
from kerasclf.runs.plan import Plan, PlanRequest
from kerasclf.runs.progress import RunListener
from kerasclf.runs.run_folder import RunFolder
from kerasclf.runs.worker import Messenger, make_run

# How often Ray starts a run anew whose machine or process was lost.
_RETRIES = 3
_LOOK_EVERY_S = 0.5


@dataclass(frozen=True)
class Ray:
    """Makes runs on a Ray cluster. The study's folder should lie on storage that all machines share.

    A run whose machine is lost is started anew elsewhere, and goes on from its last epoch where the storage is
    shared. A run folder that was written on a machine's own disk is brought back when the run is finished.

    Args:
        address: Of the cluster, or `"auto"` for the one this machine belongs to; None starts one on this machine.
        jobs: Runs side by side at most; `"auto"` leaves it to the cluster.
        threads: CPU threads a run.
    """

    address: str | None = None
    jobs: int | Literal["auto"] = "auto"
    threads: int = 1

    def plan(self, request: PlanRequest, log: Log) -> Plan:
        return Processes().plan(replace(request, threads=self.threads), log)

    def width(self, plan: Plan, runs: int) -> int:
        resources = self._connect().cluster_resources()
        most = int(resources.get("GPU", 0)) or max(1, int(resources.get("CPU", 1)) // self.threads)
        return max(1, min(most if self.jobs == "auto" else self.jobs, runs))

    def run(
        self, jobs: Jobs, plan: Plan, listener: RunListener, watch: Callable[[], None] = lambda: None
    ) -> dict[str, str]:
        ray = self._connect()
        from ray.util.queue import Queue
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        # News are collected on this machine: on another one they would be lost with it.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        news = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        remote = ray.remote(num_cpus=self.threads, num_gpus=gpus, max_retries=_RETRIES, max_calls=1)(_make)
        waiting = Waiting(jobs)
        width, failures = self.width(plan, how_many(jobs)), dict[str, str]()
        under_way: dict[Any, Job] = {}
        try:
            while True:
                while len(under_way) < width and (job := waiting.take()):
                    under_way[remote.remote(replace(job, threads=self.threads).to_dict(), news)] = job
                if not under_way:
                    break
                watch()
                done, _ = ray.wait(list(under_way), timeout=_LOOK_EVERY_S)
                _pass_on_all(news, listener)
                for reference in done:
                    job = under_way.pop(reference)
                    message = self._collect(ray, reference, job, listener)
                    if message:
                        failures[job.title] = message
        finally:
            for reference in under_way:
                ray.cancel(reference, force=True)
            news.shutdown(force=True)
        return failures

    def _collect(self, ray: Any, reference: Any, job: Job, listener: RunListener) -> str | None:
        """Takes a finished run in; returns why it failed, or None."""
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
            raise KerasclfError("Ray is not installed; install it with: pip install 'kerasclf[ray]'") from error
        if not ray.is_initialized():
            try:
                ray.init(self.address, log_to_driver=False, include_dashboard=False if self.address is None else None)
            except ConnectionError as error:
                raise KerasclfError(f"No Ray cluster answers at {self.address!r}: {error}") from error
        return ray


def _make(plain: dict[str, Any], news: Any) -> dict[str, Any]:
    """Makes a run on the machine where Ray calls this, in a process that ends with it."""
    job = Job.from_dict(plain)
    try:
        metrics = make_run(job, Messenger(lambda event: news.put([job.title, event])))
        return {"metrics": metrics, "files": _pack(job.path) if job.run.complete else None}
    except (KerasclfError, OSError) as error:
        return {"error": str(error), "lasting": not is_passing(error)}


def _pass_on_all(news: Any, listener: RunListener) -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            title, event = news.get(block=False)
            pass_on(title, event, listener)


def _pack(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.add(folder, arcname=".")
    return buffer.getvalue()


def _unpack(files: bytes, path: Path) -> None:
    """Unpacks a run folder beside its place and puts it there when it is whole."""
    run = RunFolder(path)
    with tarfile.open(fileobj=io.BytesIO(files)) as archive:
        archive.extractall(run.begin_result(), filter="data")
    run.take_result()
    shutil.rmtree(run.partial, ignore_errors=True)
