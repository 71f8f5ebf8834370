"""A worker process as the process that started it sees it: requests in, events out, and how it ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from typing import Any

# After this long a worker that was asked to end is made to.
_GRACE_S = 5


class WorkerProcess:
    """A worker (see worker.py).

    Args:
        environment: Variables that it gets over this process's own.
        forks: Whether it answers one request after the other, each in a fork of its own; or else one alone.
    """

    def __init__(self, environment: dict[str, str] | None = None, forks: bool = False) -> None:
        self._forks = forks
        self._asked = self._answered = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kerasclf.runs.worker", *(["--fork"] if forks else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, **(environment or {})},
            # Ctrl-C is for the process that waits; it ends the workers itself.
            start_new_session=True,
        )
        # What it says until it ends: of each request at last `ended`, with the reason if it had no answer.
        self.events = self._read()

    @property
    def takes_more(self) -> bool:
        """Whether it can be given another request once the last one has ended."""
        return self._forks and self.process.poll() is None

    def ask(self, request: dict[str, Any]) -> None:
        """Gives it a request; what comes of it is told by `events`."""
        self._asked, self._answered = True, False
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()

    def _read(self) -> Generator[list[Any], None, None]:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                event = json.loads(line)
                if event[0] == "ended":  # a fork; the process itself goes on
                    yield self._end(event[1])
                else:
                    self._answered |= event[0] in ("result", "error")
                    yield event
        if self._asked:
            yield self._end(self.process.wait())

    def _end(self, code: int) -> list[Any]:
        self._asked = False
        return ["ended", "" if self._answered else _in_words(code)]

    def stop(self) -> None:
        """Ends the process, if it has not ended, and waits for it."""
        if self._answered and not self._forks:  # it ends by itself
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_S)
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        with contextlib.suppress(ValueError):  # another thread is reading, and about to meet the end
            self.events.close()
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()


def take_up(spare: list[WorkerProcess]) -> WorkerProcess | None:
    """Takes a worker that still lives out of those that have nothing to do, and returns it."""
    while spare:
        worker = spare.pop()
        if worker.takes_more:
            return worker
        worker.stop()
    return None


def _in_words(code: int) -> str:
    """Returns how a process ended that gave no answer."""
    if code == -9:  # SIGKILL, a name that Windows lacks
        return (
            "The process was killed (SIGKILL), most likely by the system for lack of memory: "
            "try fewer --jobs or a smaller batch size."
        )
    if code < 0:
        return f"The process was ended by {signal.Signals(-code).name}."
    return f"The process ended with exit code {code} and no answer."
