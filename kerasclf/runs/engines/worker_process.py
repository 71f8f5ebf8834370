"""A handle of a worker process: it sends requests, reads events and finds out how the process ended."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Generator
from typing import Any

from kerasclf.machine.child_process import start_child
from kerasclf.networks.network_source import search_path

# Seconds after which a worker that does not end is killed.
_GRACE_S = 5


class WorkerProcess:
    """A worker process (see worker.py).

    Args:
        environment: Environment variables of the worker, in addition to those of this process.
        forks: Whether the worker answers one request after the other, each in a fork. Otherwise it answers only one.
    """

    def __init__(self, environment: dict[str, str], forks: bool = False) -> None:
        self._forks = forks
        self._asked = self._busy = self._answered = False
        arguments = ["--fork"] if forks else []
        self.process = start_child("kerasclf.runs.engines.worker", arguments, environment, subprocess.PIPE)
        # The events of the worker. The last event of each request is `ended`, with a reason if there was no answer.
        self.events = self._read()

    @property
    def accepts_more(self) -> bool:
        """Whether the worker accepts another request, after the current one if there is one."""
        return (self._forks or not self._asked) and self.process.poll() is None

    def send(self, request: dict[str, Any]) -> None:
        """Sends a request to the worker, which answers with `events` and imports from where this process does."""
        self._asked = self._busy = True
        self._answered = False
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps({**request, "search_path": search_path()}) + "\n")
            self.process.stdin.flush()

    def _read(self) -> Generator[list[Any], None, None]:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                if event[0] == "ended":  # A fork has ended; the worker itself continues.
                    yield self._end(event[1])
                else:
                    self._answered |= event[0] in ("result", "error")
                    yield event
        if self._busy:
            yield self._end(self.process.wait())

    def _end(self, code: int) -> list[Any]:
        self._busy = False
        return ["ended", "" if self._answered else describe_exit(code)]

    def stop(self) -> None:
        """Ends the process, unless it has ended, and waits for it."""
        if self._answered and not self._forks:  # It ends by itself.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_S)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        with contextlib.suppress(ValueError):  # Another thread is still reading the last events.
            self.events.close()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


def take_idle(spare: list[WorkerProcess]) -> WorkerProcess | None:
    """Removes a running worker from the idle ones and returns it; None if there is none."""
    while spare:
        worker = spare.pop()
        if worker.accepts_more:
            return worker
        worker.stop()
    return None


def describe_exit(code: int) -> str:
    """Returns a sentence on how a process without an answer ended."""
    if code == -9:  # SIGKILL, a name that Windows lacks
        return (
            "The process was killed (SIGKILL), most likely by the system for lack of memory. "
            "Reduce `jobs` or the batch size."
        )
    if code < 0:
        return f"The process was ended by {signal.Signals(-code).name}."
    return f"The process ended with exit code {code} and without an answer."
