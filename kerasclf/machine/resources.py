"""The resources of this machine."""

import contextlib
import os
import platform
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


def usable_cores() -> int:
    """Returns the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def on_cores(count: int | None) -> Iterator[None]:
    """Limits all threads of this process to some CPU cores for a while. Only Linux can do this.

    Args:
        count: Number of cores; None changes nothing.
    """
    threads = Path("/proc/self/task")
    if count is None or not threads.exists():
        yield
        return
    usable = os.sched_getaffinity(0)
    try:
        _move(threads, set(sorted(usable)[-count:]))
        yield
    finally:
        _move(threads, usable)


def _move(threads: Path, cores: set[int]) -> None:
    moved: set[str] = set()
    # A thread that is not moved yet may start others meanwhile.
    while others := {thread.name for thread in threads.iterdir()} - moved:
        for name in others:
            with contextlib.suppress(OSError):  # It may have ended.
                os.sched_setaffinity(int(name), cores)
        moved |= others


def processor_name() -> str:
    """Returns the name of the CPU model."""
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        for line in cpu_info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return " ".join(line.split(":", 1)[1].split())
    return platform.processor() or platform.machine()


class Disk(NamedTuple):
    """The size of a disk and its free space, in bytes."""

    total: int
    free: int


def disk_of(folder: Path) -> Disk:
    """Returns the disk of a folder, which need not exist yet."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    usage = shutil.disk_usage(existing)
    return Disk(usage.total, usage.free)
