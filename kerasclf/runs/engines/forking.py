"""Answers requests in forks of a process that has imported TensorFlow and computed nothing.

Importing TensorFlow and Keras takes about six seconds of a core, as long as some runs take to train. A fork has both
immediately, and its memory returns to the system when it ends. This works only under Linux without GPUs. The connection
to a GPU driver does not survive a fork, nor do some libraries of macOS. KERASCLF_FORK=0 turns forks off, for an own
network whose libraries do not survive them either.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from kerasclf.quiet import HiddenPackages, quiet_tensorflow, without_collector

# Files that show a GPU driver: NVIDIA's, AMD's, and that of Windows in its subsystem for Linux.
_DRIVERS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")
CAN_FORK = (
    sys.platform == "linux"
    and not any(Path(driver).exists() for driver in _DRIVERS)
    and os.environ.get("KERASCLF_FORK") != "0"
)

# Libraries that runs use after their training: a quarter of a second to import.
_LATE_PARTS = ("sklearn.metrics", "pandas.io.formats.csvs", "kerasclf.training.profile_steps")

# Answers a request and ends the process.
Answer = Callable[[str], NoReturn]
# Linux's number of the signal that a process receives when its parent ends; see prctl(2).
_PR_SET_PDEATHSIG = 1


def serve(answer: Answer) -> None:
    """Answers the lines of standard input, one after the other and each in a fork, until the input closes.

    After each fork it sends the event `ended` with the exit code, which is negative for a signal.

    A fork ends with this process.

    Args:
        answer: Answers one request and ends the process.
    """
    import_for_runs()
    with contextlib.suppress(BrokenPipeError):  # The process that sent the request was killed.
        for request in iter(sys.stdin.readline, ""):
            print(json.dumps(["ended", _answer_in_fork(answer, request)]), flush=True)


def import_for_runs() -> None:
    """Imports TensorFlow and the code of runs, and computes nothing.

    Keras imports scikit-learn and matplotlib for `keras.wrappers` and `keras.visualization`. Runs use neither, and here
    it does without them. The collector leaves alone what is imported. In a run it took a tenth of the time until the
    first step.
    """
    with without_collector():
        with HiddenPackages("sklearn", "matplotlib"):
            quiet_tensorflow(devices=False)
        import kerasclf.training.train  # noqa: F401
    gc.freeze()


def _import_late_parts() -> None:
    """Imports the modules that runs need at their end, while the first fork works."""
    with without_collector():
        for name in _LATE_PARTS:
            importlib.import_module(name)
    gc.freeze()


def _answer_in_fork(answer: Answer, request: str) -> int:
    """Returns the exit code of the fork."""
    server, system = os.getpid(), ctypes.CDLL(None)
    pid = _fork()
    if pid == 0:
        try:
            system.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() == server:  # It may have ended already.
                answer(request)
        finally:  # A fork must never return to the loop of its parent.
            os._exit(1)
    _import_late_parts()
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork() -> int:
    with warnings.catch_warnings():
        # The other threads hold no locks: OpenBLAS restarts its own in a fork, and another waits for the parent's end.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()
