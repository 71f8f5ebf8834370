"""Worker processes side by side, each making one run at a time."""

import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any

from kerasclf.runs import forking
from kerasclf.runs.job import Job
from kerasclf.runs.worker_process import WorkerProcess, take_up


class WorkerPool:
    """Gives runs to worker processes and hears of them.

    Args:
        width: Runs side by side.
        gpus: GPUs of this machine.
        spare: Workers that have started already and have nothing to do; those that are taken up are removed.
    """

    def __init__(self, width: int, gpus: int, spare: list[WorkerProcess]) -> None:
        self.gpus = gpus
        self._spare = spare
        self.under_way: dict[int, Job] = {}  # by place
        self._free = list(range(width))
        self._workers: dict[int, WorkerProcess] = {}
        self._news: queue.Queue[tuple[int, list[Any]]] = queue.Queue()

    @property
    def has_room(self) -> bool:
        """Whether another run can start."""
        return bool(self._free)

    def start(self, job: Job) -> None:
        """Makes a run in a free place."""
        place = self._free.pop(0)
        self.under_way[place] = job
        self._worker(place).ask({"task": "run", "job": job.to_dict(), "log": str(job.run.log_file.absolute())})

    def next_event(self, watch: Callable[[], None]) -> tuple[Job, list[Any]]:
        """Waits for what a worker has to say of its run (see `WorkerProcess.events`)."""
        while True:  # so that Ctrl-C is heard on Windows, too
            watch()
            with contextlib.suppress(queue.Empty):
                place, event = self._news.get(timeout=0.5)
                job = self.under_way[place]
                if event[0] == "ended":
                    del self.under_way[place]
                    self._free.append(place)
                return job, event

    def stop(self) -> None:
        """Ends all workers and what they are doing."""
        for worker in self._workers.values():
            worker.stop()

    def _worker(self, place: int) -> WorkerProcess:
        """Returns the worker of a place, or a new one where there is none that takes another run."""
        last = self._workers.get(place)
        if last is not None and last.takes_more:
            return last
        if last is not None:
            last.stop()
        worker = (None if self.gpus else take_up(self._spare)) or self._started(place)
        self._workers[place] = worker

        def read() -> None:
            for event in worker.events:
                self._news.put((place, event))

        threading.Thread(target=read, daemon=True).start()
        return worker

    def _started(self, place: int) -> WorkerProcess:
        # One GPU each, where there are several: a run that wants more asks for the strategy "mirrored" and --jobs 1.
        environment = {"CUDA_VISIBLE_DEVICES": str(place % self.gpus)} if self.gpus > 1 else {}
        return WorkerProcess(environment, forks=forking.CAN_FORK and not self.gpus)
