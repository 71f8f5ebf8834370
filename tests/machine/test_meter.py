"""Memory and energy of a run."""

import sys

import numpy as np
import pytest

from kerasclf.machine import meter
from kerasclf.machine.meter import Meter


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can reset a peak")
def test_a_peak_can_be_forgotten():
    """Each experiment of a plan has its own peak, whatever was measured before."""
    held = np.ones(40_000_000)  # 320 MB
    peak = meter.peak_memory_mb()
    del held
    assert meter.peak_memory_mb() == peak
    meter.forget_peak()
    assert meter.peak_memory_mb() < peak - 250


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
    monkeypatch.setattr(meter, "_energy_counters", lambda: next(readings))
    assert Meter().read().energy_kj == energy_kj


def test_energy_is_measured_only_on_request(monkeypatch):
    monkeypatch.setattr(meter, "_energy_counters", lambda: {"cpu": 1.0})
    assert Meter(energy=False).read().energy_kj is None
