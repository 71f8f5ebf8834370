"""Sizes as text, and the cores of a process."""

import os
import threading
from pathlib import Path

import pytest

from kerasclf.machine.resources import on_cores, usable_cores


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
@pytest.mark.parametrize(("count", "inside"), [(1, 1), (None, usable_cores())])
def test_all_threads_use_some_cores_for_a_while(count, inside):
    """The main thread, one that exists already and one that starts meanwhile."""
    found, go, noted, leave = {}, threading.Event(), threading.Event(), threading.Event()

    def note(name):
        found[name] = len(os.sched_getaffinity(0))

    def note_twice():
        go.wait()
        note("earlier")
        noted.set()
        leave.wait()
        note("afterwards")

    earlier = threading.Thread(target=note_twice, daemon=True)
    earlier.start()
    before = os.sched_getaffinity(0)
    with on_cores(count):
        later = threading.Thread(target=note, args=("later",))
        later.start()
        note("main")
        go.set()
        later.join()
        noted.wait()
    leave.set()
    earlier.join()
    assert found == {**dict.fromkeys(("main", "earlier", "later"), inside), "afterwards": len(before)}
    assert os.sched_getaffinity(0) == before
