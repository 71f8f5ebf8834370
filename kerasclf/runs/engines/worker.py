"""A worker process: it executes runs, makes plans and calls functions. Requests and events are lines of JSON.

    python -m kerasclf.machine.child_process PARENT kerasclf.runs.engines.worker [--fork]

A worker answers one request and ends. With --fork it answers one request after the other, each in a fork of its own.
The worker ends with the process that started it. The next start of the run resumes it from its last checkpoint.
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from kerasclf.machine.gpus import memory_limit_mb, smallest_memory_mb
from kerasclf.networks.network_source import use_search_path
from kerasclf.quiet import quiet_tensorflow
from kerasclf.runs.engines import forking
from kerasclf.runs.execute import execute, is_passing, reason_of
from kerasclf.runs.inputs import inputs_of
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import PlanRequest, make_plan
from kerasclf.training.listener import Row

# Steps are sent at most this often: a terminal shows no more.
_SEND_EVERY_S = 0.2


class Messenger:
    """A training's listener that passes everything on as events: a name and plain JSON values.

    Args:
        send: Receives the events.
    """

    def __init__(self, send: Callable[[list[Any]], None]) -> None:
        self.send = send
        self._sent = 0.0

    def log(self, line: str) -> None:
        self.send(["log", line])

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self.send(["began", epochs, steps, list(rows)])

    def stepped(self, epochs_done: int, step: int) -> None:
        if time.monotonic() - self._sent > _SEND_EVERY_S:
            self._sent = time.monotonic()
            self.send(["stepped", epochs_done, step])

    def finished_epoch(self, row: Row) -> None:
        self.send(["finished_epoch", row])


def main() -> None:
    """Answers the requests on standard input."""
    if "--fork" in sys.argv[1:]:
        forking.serve(answer)
    else:
        forking.import_for_runs()  # It may be started before there is a request.
        answer(sys.stdin.readline())


def answer(line: str) -> NoReturn:
    """Answers one request and ends the process. The last event is `result` or `error`.

    Args:
        line: The request.
    """
    request = json.loads(line)
    use_search_path(request["search_path"])
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")

    def send(event: list[Any]) -> None:
        out.write(json.dumps(event) + "\n")
        out.flush()

    _redirect_output(Path(request["log"]))
    try:
        send(["result", _answer(request, Messenger(send))])
    except Exception as error:
        traceback.print_exc()
        send(["error", type(error).__name__, reason_of(error), is_passing(error)])
    # Skip Python's own clean-up, which waits for TensorFlow's threads.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _answer(request: dict[str, Any], messenger: Messenger) -> Any:
    if request["task"] == "run":
        limit_gpu_memory(request.get("runs_per_gpu", 1))
        return run_job(Job.from_dict(request["job"]), messenger)
    if request["task"] == "call":
        quiet_tensorflow()
        return getattr(import_module(request["module"]), request["function"])(*request["arguments"])
    plan_request = PlanRequest.from_dict(request["plan"])
    quiet_tensorflow()
    if not has_gpu():  # Runs with a GPU use all cores for their images.
        limit_threads(plan_request.threads)
    return make_plan(plan_request, messenger.log).to_dict()


def run_job(job: Job, messenger: Messenger) -> dict[str, float]:
    """Executes a run in this process, which has computed nothing yet, and returns its metrics.

    Args:
        job: The run.
        messenger: Receives the progress of the training.
    """
    quiet_tensorflow()
    limit_threads(inputs_of(job).threads)
    return execute(job, messenger)


def limit_threads(threads: int | None) -> None:
    """Sets the number of threads that TensorFlow uses. Call it before the first computation.

    Args:
        threads: Number of threads; None changes nothing.
    """
    import tensorflow as tf

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def has_gpu() -> bool:
    """Returns whether TensorFlow sees a GPU."""
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def limit_gpu_memory(runs: int) -> None:
    """Limits the memory of each GPU that this process uses to its share. Call it before the first computation.

    Without a limit, the run that needs memory last would fail. A run takes its share as it needs it.

    Args:
        runs: Number of runs that share one GPU; 1 sets no limit.
    """
    total_mb = smallest_memory_mb() if runs > 1 else None
    if total_mb is None:
        return
    quiet_tensorflow()
    import tensorflow as tf

    limit = tf.config.LogicalDeviceConfiguration(memory_limit=memory_limit_mb(total_mb, runs))
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.set_logical_device_configuration(gpu, [limit])


def _redirect_output(log_file: Path) -> None:
    """Redirects standard output and standard error to the log, for Python and C++."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
