"""Memory, energy, and how many runs go side by side."""

import sys

import numpy as np
import pytest

from kerasclf.runs import resources
from kerasclf.runs.resources import Meter


@pytest.mark.parametrize(
    ("peak_mb", "gpus", "jobs"),
    [(None, 0, 8), (1000, 0, 8), (3000, 0, 2), (20_000, 0, 1), (0, 0, 8), (1000, 2, 2), (None, 2, 2)],
)
def test_automatic_jobs(monkeypatch, peak_mb, gpus, jobs):
    """Eight cores and 10 GB of free memory."""
    monkeypatch.setattr(resources, "usable_cores", lambda: 8)
    monkeypatch.setattr(resources, "free_memory_mb", lambda: 10_000.0)
    assert resources.automatic_jobs(peak_mb, gpus) == jobs


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset a peak")
def test_a_peak_can_be_forgotten():
    """Each experiment of a plan has its own peak, whatever was measured before."""
    held = np.ones(40_000_000)  # 320 MB
    peak = resources.peak_memory_mb()
    del held
    assert resources.peak_memory_mb() == peak
    resources.forget_peak()
    assert resources.peak_memory_mb() < peak - 250


@pytest.mark.parametrize(
    ("start", "end", "energy_kj"),
    [
        ({"cpu": 1000.0, "gpu0": 500.0}, {"cpu": 3000.0, "gpu0": 1000.0}, 2.5),
        ({"cpu": 1000.0}, {"cpu": 10.0}, None),  # the counter has overflowed
        ({"cpu": 1000.0}, {}, None),
        ({}, {}, None),
    ],
)
def test_energy_is_the_difference_of_the_counters(monkeypatch, start, end, energy_kj):
    readings = iter([start, end])
    monkeypatch.setattr(resources, "_energy_counters", lambda: next(readings))
    assert Meter().read().energy_kj == energy_kj


def test_energy_is_measured_only_on_request(monkeypatch):
    monkeypatch.setattr(resources, "_energy_counters", lambda: {"cpu": 1.0})
    assert Meter(energy=False).read().energy_kj is None
