"""Worker processes side by side, each with one run at a time."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from kerasclf.machine.gpus import runs_per_gpu, visible_to
from kerasclf.runs.engines import forking
from kerasclf.runs.engines.worker_process import WorkerProcess, take_idle
from kerasclf.runs.job import Job


class WorkerPool:
    """Gives runs to worker processes and collects their events.

    Args:
        width: Number of runs side by side.
        gpus: Number of GPUs of this machine.
        spare: Idle workers that have started already. The pool removes those it uses.
        environment: Environment variables of new workers.
    """

    def __init__(self, width: int, gpus: int, spare: list[WorkerProcess], environment: dict[str, str]) -> None:
        self.width, self.gpus = width, gpus
        self._spare, self._environment = spare, environment
        self.current: dict[int, Job] = {}  # by slot
        self._free = list(range(width))
        self._workers: dict[int, WorkerProcess] = {}
        # Workers that answer one request only have a successor, which imports TensorFlow while they work.
        self._successors: dict[int, WorkerProcess] = {}
        self._events: queue.Queue[tuple[int, list[Any]]] = queue.Queue()

    @property
    def has_room(self) -> bool:
        """Whether another run can start."""
        return bool(self._free)

    def start(self, job: Job, more: bool = False) -> None:
        """Starts a run in a free slot.

        Args:
            job: The run.
            more: Whether runs follow.
        """
        slot = self._free.pop(0)
        self.current[slot] = job
        request = {"task": "run", "job": job.to_dict(), "log": str(job.run.log_file.absolute())}
        worker = self._worker(slot)
        worker.send({**request, "runs_per_gpu": runs_per_gpu(self.width, self.gpus)})
        threading.Thread(target=self._read, args=(slot, worker), daemon=True).start()
        if more and not worker.accepts_more:
            self._successors[slot] = self._start_worker(slot)

    def next_event(self, watch: Callable[[], None]) -> tuple[Job, list[Any]]:
        """Waits for the next event of a worker and returns it with its run (see `WorkerProcess.events`).

        Args:
            watch: Called about twice a second.
        """
        while True:  # The timeout lets Ctrl-C through on Windows.
            watch()
            with contextlib.suppress(queue.Empty):
                slot, event = self._events.get(timeout=0.5)
                job = self.current[slot]
                if event[0] == "ended":
                    del self.current[slot]
                    self._free.append(slot)
                return job, event

    def stop(self) -> WorkerProcess | None:
        """Ends all workers and their runs, and returns an idle worker if one accepts more and no other one is spare."""
        left = None
        for slot, worker in self._workers.items():
            if left is None and not self._spare and slot not in self.current and worker.accepts_more:
                left = worker
            else:
                worker.stop()
        for worker in self._successors.values():
            worker.stop()
        return left

    def _worker(self, slot: int) -> WorkerProcess:
        """Returns the worker of a slot, or a new one if the slot has none that accepts another run."""
        last = self._workers.get(slot)
        if last is not None and last.accepts_more:
            return last
        if last is not None:
            last.stop()
        worker = self._successors.pop(slot, None) or (None if self.gpus else take_idle(self._spare))
        worker = worker or self._start_worker(slot)
        self._workers[slot] = worker
        return worker

    def _read(self, slot: int, worker: WorkerProcess) -> None:
        """Collects the events of one run."""
        for event in worker.events:
            self._events.put((slot, event))
            if event[0] == "ended":
                break

    def _start_worker(self, slot: int) -> WorkerProcess:
        visible = visible_to(slot, self.width, self.gpus)
        device = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
        return WorkerProcess({**self._environment, **device}, forks=forking.CAN_FORK and not self.gpus)
