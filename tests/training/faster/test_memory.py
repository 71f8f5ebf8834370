"""Freed memory stays with the process inside the block, and goes back to the system after it."""

import subprocess
import sys

import pytest

# Says how many megabytes it still holds of 200 that it took and freed, inside the block and after it.
HELD = """
import ctypes
import psutil
from kerasclf.training.faster.memory import kept_memory

def held():
    return psutil.Process().memory_info().rss / 1e6

library = ctypes.CDLL(None)
library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]

def take_and_free():
    blocks = [library.malloc(10**6) for _ in range(200)]
    for block in blocks:
        ctypes.memset(block, 1, 10**6)
    for block in blocks:
        library.free(block)

before = held()
with kept_memory():
    take_and_free()
    inside = held() - before
print(inside, held() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc is Linux' C library")
def test_memory_is_kept_inside_the_block_alone():
    said = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True).stdout
    inside, after = map(float, said.split())
    assert inside > 190
    assert after < 20


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_do_without(monkeypatch, platform):
    from kerasclf.training.faster import memory

    monkeypatch.setattr(sys, "platform", platform)
    with memory.kept_memory():
        assert memory._glibc() is None
