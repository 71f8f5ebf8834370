"""Ends the command in one way on Ctrl-C, SIGTERM, SIGHUP and a closed terminal.

Only the command installs these handlers. A script or notebook that uses the library keeps its own.
"""

import _thread
import atexit
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

# Names the process of `kerasclf launch` that started this command, and without which it must not go on.
PARENT = "KERASCLF_PARENT"
_EXIT_CODE = 130  # that of a shell after Ctrl-C
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # Windows has no SIGHUP, other systems have no SIGBREAK.
# Further signals within this time belong to the first: a closed terminal or a service manager may send several.
_SAME_S = 1.0
# An end that takes longer is cut short.
_GRACE_S = 30.0
_LOOK_EVERY_S = 0.2
_SHOW_CURSOR = b"\x1b[?25h"


class Interruption:
    """The interruption of a command.

    The first signal raises KeyboardInterrupt, so the command ends its workers and closes its files. A signal that
    follows later ends the command at once. So does a signal during an import or at the very end, when Python or a
    library would print a traceback or ignore the exception.
    """

    def __init__(self) -> None:
        self.clean_up: Callable[[], None] = lambda: None  # called before the process ends at once
        self.after = ""  # what the command left, in a sentence
        # A copy: standard error is redirected while TensorFlow is imported.
        self._stderr = 2 if sys.stderr is None else os.dup(2)
        self._since: float | None = None
        self._raises = True
        numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
        self._signals = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
        self._terminals = [handle for handle in (1, 2) if os.isatty(handle)]

    def install(self) -> None:
        """Installs the handlers. A signal that is ignored stays ignored, as with nohup."""
        for number in self._signals:
            signal.signal(number, self._handle)
        # Before it ends, Python restores the default effect of signals. Registered first, so called last.
        atexit.register(self._ignore_signals)
        self._show_unraisable, sys.unraisablehook = sys.unraisablehook, self._handle_unraisable

    def end_with(self, parent: int) -> None:
        """Stops the command, as a signal does, when `kerasclf launch` has ended, also by a kill.

        Args:
            parent: Its process, which has started this one.
        """
        _thread.start_new_thread(self._watch, (parent,))

    def _watch(self, parent: int) -> None:
        _wait_for_end_of(parent)
        _write(self._stderr, b"\nerror: kerasclf launch, which started this command, has ended.\n")
        if sys.platform == "win32":  # There, os.kill would end the process at once.
            _thread.interrupt_main(signal.SIGTERM)
        else:
            os.kill(os.getpid(), signal.SIGTERM)

    def end(self) -> None:
        """Ends the command: with the exit code of an interruption if there was one. Otherwise it returns."""
        self._raises = False
        if self._since is not None:
            self._ignore_signals()
            _write(self._stderr, self._message)
            raise SystemExit(_EXIT_CODE)

    @property
    def _message(self) -> bytes:
        return f"\n{' '.join(filter(None, ('Stopped.', self.after)))}\n".encode()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if number == getattr(signal, "SIGHUP", None):
            self._leave_terminal()
        if self._since is not None:
            if time.monotonic() - self._since > _SAME_S:
                self._end_now()
        elif self._raises and not _is_importing(frame):
            self._since = time.monotonic()
            # threading.Thread takes locks that the interrupted code may hold.
            _thread.start_new_thread(self._end_later, ())
            raise KeyboardInterrupt
        else:
            self._end_now()

    def _handle_unraisable(self, unraisable: Any) -> None:
        """Receives the exceptions of finalizers, after which Python would continue."""
        if unraisable.exc_type is KeyboardInterrupt:
            self._end_now()
        self._show_unraisable(unraisable)

    def _end_later(self) -> None:
        time.sleep(_GRACE_S)
        self._end_now()

    def _end_now(self) -> None:
        """Ends the process and its workers without any exception."""
        with contextlib.suppress(ValueError):  # A thread other than the main one cannot change it.
            self._ignore_signals()
        with contextlib.suppress(Exception):
            _end_children()
        with contextlib.suppress(Exception):
            self.clean_up()
        for handle in self._terminals:
            _write(handle, _SHOW_CURSOR)  # which a progress bar hides
        if self._raises:
            _write(self._stderr, self._message)
        os._exit(_EXIT_CODE)

    def _ignore_signals(self) -> None:
        for number in self._signals:
            signal.signal(number, signal.SIG_IGN)

    def _leave_terminal(self) -> None:
        """Lets output to a terminal that may be closed succeed."""
        null = os.open(os.devnull, os.O_WRONLY)
        for handle in self._terminals:
            os.dup2(null, handle)
        os.close(null)


def _wait_for_end_of(parent: int) -> None:
    if sys.platform == "win32":
        import psutil

        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(parent).wait()
        return
    while os.getppid() == parent:  # The system gives an orphan another parent at once.
        time.sleep(_LOOK_EVERY_S)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _end_children() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()


def _write(handle: int, text: bytes) -> None:
    """Writes directly: the interrupted code may be about to use the buffer of the stream."""
    with contextlib.suppress(OSError):
        os.write(handle, text)
