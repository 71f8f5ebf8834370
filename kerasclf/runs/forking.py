"""Answers requests in forks of a process that has imported TensorFlow already and computed nothing.

Importing TensorFlow and Keras takes about six seconds of a core, as long as some runs take to train; a fork has both at
once, and what it holds goes back to the system when it ends, like any process's. Under Linux without GPUs alone: a
driver's connection does not survive a fork, nor do some of macOS' own libraries.
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

# Where Linux shows that it has a GPU's driver: NVIDIA's, AMD's, Windows' in its subsystem for Linux.
_DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
CAN_FORK = sys.platform == "linux" and not any(Path(driver).exists() for driver in _DRIVERS)

# Takes a request and a file descriptor that closes when nobody wants the answer any more; never returns.
Answer = Callable[[str, int], NoReturn]


def serve(answer: Answer) -> None:
    """Answers each line of standard input in a fork, one after the other, until it closes.

    The end of each fork is told by the event `ended` with its exit code, negative for a signal.
    """
    quiet_tensorflow(devices=False)
    import kerasclf.training.train  # noqa: F401 - what every run needs, imported once

    with contextlib.suppress(BrokenPipeError):  # whoever asked was killed
        for request in iter(sys.stdin.readline, ""):
            print(json.dumps(["ended", _answer_in_fork(answer, request)]), flush=True)


def _answer_in_fork(answer: Answer, request: str) -> int:
    """Returns the exit code of the fork."""
    ours, its = socket.socketpair()  # closed at one end, it tells the other that this process, or the fork, is gone
    pid = _fork()
    if pid == 0:
        try:
            ours.close()
            answer(request, its.fileno())
        finally:  # a fork must never come back into the loop of the process it was forked from
            os._exit(1)
    its.close()
    with ours:
        ready, _, _ = select.select([ours, sys.stdin], [], [])
    if ours not in ready:  # no request comes before this one has ended: whoever asked is gone
        os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork() -> int:
    with warnings.catch_warnings():
        # The only other threads are OpenBLAS's, which makes them anew in a fork.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
