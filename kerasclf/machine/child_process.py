"""Processes that end with the process that started them, however it ends.

    python -m kerasclf.machine.child_process PARENT MODULE ARGUMENTS

calls the function `main` of the module; PARENT is the number of the parent process. The parent holds the other end of
standard input. The system closes it when the parent ends. The child process notices that before it imports the module,
which may take many seconds.
"""

import contextlib
import importlib
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from kerasclf.files.temporary import remove_after_parent

# Maximum time between the end of the input and that of the parent.
_RELEASE_S = 1.0


def start_child(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], stdout: int | None = None
) -> "subprocess.Popen[str]":
    """Starts the function `main` of a module in a process that ends with this one.

    Args:
        module: Name of the module.
        arguments: Arguments of the process.
        environment: Environment variables of the process, in addition to those of this one.
        stdout: Its standard output, as for `subprocess.Popen`.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "kerasclf.machine.child_process", str(os.getpid()), module, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        text=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        # Signals of the terminal reach only this process, which then ends its children. The first way is that of Unix.
        start_new_session=True,
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def main() -> None:
    """Runs the module that the second argument names."""
    # Under Windows, the parent of this process may be the launcher of a virtual environment, which waits for this one.
    parent = int(sys.argv[1])
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    del sys.argv[:2]
    importlib.import_module(sys.argv[0]).main()


def _end_with(parent: int) -> None:
    _wait_for_end_of(parent)
    until = time.monotonic() + _RELEASE_S
    while os.getppid() == parent and time.monotonic() < until:  # It may not have released all its files yet.
        time.sleep(0.01)
    remove_after_parent()
    os._exit(1)


def _wait_for_end_of(parent: int) -> None:
    if hasattr(select, "poll"):
        # Reading would take the requests, which are for the module. A poll without events waits only for the end.
        watch = select.poll()
        watch.register(0, 0)
        watch.poll()
    else:
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(parent).wait()


if __name__ == "__main__":
    main()
