"""The resources that a run takes: memory and, if the machine counts it, energy. Needs no TensorFlow."""

import contextlib
import ctypes
import gc
import importlib
import sys
from dataclasses import dataclass
from pathlib import Path

# Linux shows the energy counters of Intel and AMD processors here, in microjoules; often only to root.
_RAPL = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Resources:
    """The resources that a run took.

    Args:
        peak_memory_mb: Maximum memory of the process, in 10⁶ bytes.
        energy_kj: Energy of processor and GPUs, in kilojoules; None if it was not counted.
    """

    peak_memory_mb: float
    energy_kj: float | None = None


class Meter:
    """Measures resources from its creation on. The energy is that of the whole processor and of all GPUs.

    Args:
        energy: Whether to measure energy.
    """

    def __init__(self, energy: bool = True) -> None:
        self._start = _energy_counters() if energy else {}

    def read(self) -> Resources:
        """Returns the resources taken so far."""
        now = _energy_counters() if self._start else {}
        # A counter that has overflowed is lower than before.
        valid = bool(self._start) and all(now.get(name, -1.0) >= value for name, value in self._start.items())
        energy_kj = sum(now[name] - value for name, value in self._start.items()) / 1000 if valid else None
        return Resources(peak_memory_mb(), energy_kj)


def peak_memory_mb() -> float:
    """Returns the maximum memory this process has held, in 10⁶ bytes."""
    try:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    except ImportError:  # Windows
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 1e6  # type: ignore[attr-defined]


def forget_peak() -> None:
    """Frees unused memory and resets the peak of `peak_memory_mb` to the present memory.

    Only Linux can reset the peak; elsewhere it stays that of the whole process.
    """
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # AttributeError: a C library without malloc_trim
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # see proc(5)


def free_memory_mb() -> float:
    """Returns the memory available to processes, in 10⁶ bytes."""
    import psutil  # takes a twentieth of a second, which commands that only check options need not wait for

    return float(psutil.virtual_memory().available) / 1e6


def _energy_counters() -> dict[str, float]:
    """Returns the joules counted since an arbitrary start, by counter."""
    found = {}
    for path in _RAPL.glob("intel-rapl:?/energy_uj"):  # A package's counter includes those of its parts.
        try:
            found[str(path)] = int(path.read_text()) / 1e6
        except (OSError, ValueError):
            continue
    return found | _gpu_energy()


def _gpu_energy() -> dict[str, float]:
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # without the package or a driver there is nothing to count
        return {}
    found = {}
    for i in range(nvml.nvmlDeviceGetCount()):
        try:
            found[f"gpu{i}"] = nvml.nvmlDeviceGetTotalEnergyConsumption(nvml.nvmlDeviceGetHandleByIndex(i)) / 1000
        except nvml.NVMLError:
            continue
    return found
