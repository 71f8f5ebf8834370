"""Answers requests in forks of a process that has imported TensorFlow and computed nothing.

Importing TensorFlow and Keras takes about six seconds of a core, as long as some runs take to train. A fork has both
immediately, and its memory returns to the system when it ends. This works only under Linux without GPUs. The connection
to a GPU driver does not survive a fork, nor do some libraries of macOS.
"""

import contextlib
import json
import os
import select
import signal
import socket
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from kerasclf.quiet import quiet_tensorflow

# Files that show a GPU driver: NVIDIA's, AMD's, and that of Windows in its subsystem for Linux.
_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
CAN_FORK = sys.platform == "linux" and not any(Path(driver).exists() for driver in _DRIVERS)

# Takes a request and a file descriptor that closes when the answer is no longer needed. Never returns.
Answer = Callable[[str, int], NoReturn]


def serve(answer: Answer) -> None:
    """Answers the lines of standard input, one after the other and each in a fork, until the input closes.

    After each fork it sends the event `ended` with the exit code, which is negative for a signal.

    Args:
        answer: Answers one request and ends the process.
    """
    quiet_tensorflow(devices=False)
    import kerasclf.training.train  # noqa: F401 - imported once for all runs

    with contextlib.suppress(BrokenPipeError):  # The process that sent the request was killed.
        for request in iter(sys.stdin.readline, ""):
            print(json.dumps(["ended", _answer_in_fork(answer, request)]), flush=True)


def _answer_in_fork(answer: Answer, request: str) -> int:
    """Returns the exit code of the fork."""
    ours, its = socket.socketpair()  # Each end shows when the process at the other end has ended.
    pid = _fork()
    if pid == 0:
        try:
            ours.close()
            answer(request, its.fileno())
        finally:  # A fork must never return to the loop of its parent.
            os._exit(1)
    its.close()
    with ours:
        ready, _, _ = select.select([ours, sys.stdin], [], [])
    if ours not in ready:  # Standard input has closed: the process that sent the request has ended.
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork() -> int:
    with warnings.catch_warnings():
        # The only other threads are those of OpenBLAS, which restarts them in a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
