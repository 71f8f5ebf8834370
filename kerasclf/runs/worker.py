"""A process that makes runs or plans: a request comes as a line of JSON, events go out as lines of JSON.

    python -m kerasclf.runs.worker [--fork]

It answers one request and ends; with --fork it answers one after the other, each in a fork of its own. The process
that started it keeps its standard input open. When that closes, whoever wanted the result is gone, and this process
ends too; a run goes on from its last checkpoint when it is started again.
"""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from kerasclf.errors import KerasclfError
from kerasclf.quiet import quiet_tensorflow
from kerasclf.runs import forking
from kerasclf.runs.execute import execute, is_passing, threads_of
from kerasclf.runs.job import Job
from kerasclf.runs.plan import PlanRequest, make_plan
from kerasclf.training.listener import Row

# Steps are told at most this often: a terminal shows no more.
_TELL_EVERY_S = 0.2


class Messenger:
    """A training's listener that passes everything on as an event: a name and plain JSON values."""

    def __init__(self, send: Callable[[list[Any]], None]) -> None:
        self.send = send
        self._told = 0.0

    def log(self, line: str) -> None:
        self.send(["log", line])

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self.send(["began", epochs, steps, list(rows)])

    def stepped(self, epochs_done: int, step: int) -> None:
        if time.monotonic() - self._told > _TELL_EVERY_S:
            self._told = time.monotonic()
            self.send(["stepped", epochs_done, step])

    def finished_epoch(self, row: Row) -> None:
        self.send(["finished_epoch", row])


def main() -> None:
    """Answers what comes in on standard input."""
    if "--fork" in sys.argv[1:]:
        forking.serve(answer)
    else:
        answer(sys.stdin.readline(), sys.stdin.fileno())


def answer(line: str, alive: int) -> NoReturn:
    """Answers one request and ends the process; the last event is `result` or `error`.

    Args:
        line: The request.
        alive: A file descriptor that closes when nobody wants the answer any more; the process ends then, too.
    """
    request = json.loads(line)
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")

    def send(event: list[Any]) -> None:
        out.write(json.dumps(event) + "\n")
        out.flush()

    _write_to(Path(request["log"]))
    threading.Thread(target=_end_with, args=(alive,), daemon=True).start()
    try:
        send(["result", _answer(request, Messenger(send))])
    except Exception as error:
        traceback.print_exc()
        known = isinstance(error, KerasclfError | OSError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        send(["error", type(error).__name__, message, is_passing(error)])
    # Without Python's own clean-up, in which TensorFlow's threads are waited for.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _answer(request: dict[str, Any], messenger: Messenger) -> Any:
    if request["task"] == "run":
        return make_run(Job.from_dict(request["job"]), messenger)
    wanted = PlanRequest.from_dict(request["plan"])
    quiet_tensorflow()
    limit_threads(wanted.threads)
    return make_plan(wanted, messenger.log).to_dict()


def make_run(job: Job, messenger: Messenger) -> dict[str, float]:
    """Makes a run in this process, which has computed nothing yet, and returns its figures."""
    quiet_tensorflow()
    limit_threads(threads_of(job))
    return execute(job, messenger)


def limit_threads(threads: int | None) -> None:
    """Makes TensorFlow compute with so many threads; call it before the first computation."""
    import tensorflow as tf

    if threads is not None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def _write_to(log_file: Path) -> None:
    """Sends what libraries print, from Python or C++, to the log."""
    log_file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _end_with(alive: int) -> None:
    while os.read(alive, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
