"""What a run costs: memory and, where the machine counts it, energy. Needs no TensorFlow."""

import contextlib
import ctypes
import gc
import importlib
import sys
from pathlib import Path

import psutil

from kerasclf.machine import usable_cores

# Linux shows the energy counters of Intel and AMD processors here, in microjoules; often to root alone.
_RAPL = Path("/sys/class/powercap")


class Meter:
    """Measures from its making on; energy is the whole processor's and the GPUs', with whatever else they do."""

    def __init__(self, energy: bool = True) -> None:
        self._counted = _energy_counters() if energy else {}

    def read(self) -> dict[str, float]:
        """Returns `peak_memory_mb` of this process (10⁶ bytes) and, where it is counted, `energy_kj`."""
        found = {"peak_memory_mb": peak_memory_mb()}
        now = _energy_counters() if self._counted else {}
        # A counter that ran over its end is lower than before and says nothing.
        if self._counted and all(now.get(name, -1.0) >= value for name, value in self._counted.items()):
            found["energy_kj"] = sum(now[name] - value for name, value in self._counted.items()) / 1000
        return found


def peak_memory_mb() -> float:
    """Returns the most memory this process has held, in 10⁶ bytes."""
    try:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    except ImportError:  # Windows
        return float(psutil.Process().memory_info().peak_wset) / 1e6  # type: ignore[attr-defined]


def forget_peak() -> None:
    """Makes `peak_memory_mb` count from what is held now, where the system can: on Linux.

    What nobody uses any more is given back first; elsewhere the peak stays that of everything so far.
    """
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
            Path("/proc/self/clear_refs").write_text("5")  # see proc(5)


def free_memory_mb() -> float:
    """Returns the memory that processes may still take, in 10⁶ bytes."""
    return float(psutil.virtual_memory().available) / 1e6


def automatic_jobs(peak_mb: float | None, gpus: int) -> int:
    """Returns how many runs side by side are fastest: one a GPU, or one a core as far as memory reaches.

    A step's small operations divide badly between threads, so that one-threaded runs side by side win, as was
    measured with the networks of the ladder (benchmarks/README.md); memory decides how many there can be.

    Args:
        peak_mb: Memory of one run, where it is known.
        gpus: GPUs of this machine.
    """
    most = gpus or usable_cores()
    if peak_mb:
        most = min(most, int(0.8 * free_memory_mb() / peak_mb))
    return max(1, most)


def _energy_counters() -> dict[str, float]:
    """Returns joules since some beginning, by counter."""
    found = {}
    for path in _RAPL.glob("intel-rapl:?/energy_uj"):  # packages alone; their parts are counted in them
        try:
            found[str(path)] = int(path.read_text()) / 1e6
        except (OSError, ValueError):
            continue
    return found | _gpu_energy()


def _gpu_energy() -> dict[str, float]:
    try:
        nvml = importlib.import_module("pynvml")
        nvml.nvmlInit()
    except Exception:  # no such package, no driver: there is nothing to count
        return {}
    found = {}
    for i in range(nvml.nvmlDeviceGetCount()):
        try:
            found[f"gpu{i}"] = nvml.nvmlDeviceGetTotalEnergyConsumption(nvml.nvmlDeviceGetHandleByIndex(i)) / 1000
        except nvml.NVMLError:
            continue
    return found
