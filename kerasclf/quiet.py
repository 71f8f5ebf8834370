"""Imports TensorFlow and Keras without their start-up messages, and faster."""

import contextlib
import gc
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


def quiet_tensorflow(devices: bool = True) -> None:
    """Imports TensorFlow and Keras without their messages on builds, drivers and retracing. Errors still show.

    Args:
        devices: Whether to list the devices too, which starts drivers and threads.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with without_stderr(), without_collector():
        import keras  # noqa: F401
        import tensorflow as tf

        if devices:
            tf.config.list_physical_devices()
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


class HiddenPackages(MetaPathFinder, contextlib.AbstractContextManager["HiddenPackages"]):
    """Lets this thread's imports of some packages fail, as if they were not installed.

    Args:
        names: The packages. One that is imported already stays visible.
    """

    def __init__(self, *names: str) -> None:
        self.names, self.thread = names, threading.get_ident()

    def __enter__(self) -> "HiddenPackages":
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *error: object) -> None:
        sys.meta_path.remove(self)

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname in self.names and threading.get_ident() == self.thread:
            raise ModuleNotFoundError(f"{fullname} is hidden during this import", name=fullname)


class QuietImport(MetaPathFinder):
    """Hides the messages of the first import of TensorFlow, whoever imports it. `import kerasclf` installs it."""

    @classmethod
    def install(cls) -> None:
        """Prepares the first import of TensorFlow; does nothing if it is imported already."""
        if "tensorflow" not in sys.modules:
            os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
            sys.meta_path.insert(0, cls())

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_quietly(module: ModuleType) -> None:
                with without_stderr():
                    execute(module)
                logging.getLogger("tensorflow").setLevel(logging.ERROR)

            spec.loader.exec_module = execute_quietly  # type: ignore[method-assign]
        return spec


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Stops Python's garbage collector during imports. It would walk through all that is imported, again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def without_stderr() -> Iterator[None]:
    """Discards what is written to the process's standard error: C++ code writes there before it reads any setting."""
    sys.stderr.flush()
    stderr = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
