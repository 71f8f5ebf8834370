"""Keeps what one step of a training frees for the next one."""

import contextlib
import ctypes
import sys
from collections.abc import Iterator

# mallopt's names, and its greatest value: glibc takes memory anew from the system for each block above the one, and
# gives it back for each free end of the heap above the other.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_GREATEST = 2**31 - 1
# What glibc's own values rise to at most.
_USUAL = {_MMAP_THRESHOLD: 32 * 2**20, _TRIM_THRESHOLD: 64 * 2**20}


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Lets glibc, where it is the C library, keep freed memory inside the block; at the end what is free is given back.

    A step of a large network needs gigabytes, and frees them for the next step to need again. To take them from the
    system each time, page by page and zeroed, is a fifth of a step of ResNet50: docs/training.md.
    """
    glibc = _glibc()
    if glibc is None:
        yield
        return
    for name in _USUAL:
        glibc.mallopt(name, _GREATEST)
    try:
        yield
    finally:
        for name, usual in _USUAL.items():
            glibc.mallopt(name, usual)
        glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Returns the C library where it is glibc; musl, macOS and Windows have others."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
