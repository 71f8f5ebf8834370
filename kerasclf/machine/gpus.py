"""The NVIDIA GPUs of this machine, as the driver's own program shows them. Needs no TensorFlow."""

import csv
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

_PROGRAM = "nvidia-smi"
# A driver that hangs must not stop a study.
_TIMEOUT_S = 20
# Share of a GPU's memory that runs may divide. The rest holds the libraries that each process loads.
_DIVISIBLE = 0.85


@dataclass(frozen=True)
class Gpu:
    """One GPU.

    Args:
        name: Name of the model.
        driver: Version of the driver.
        total_mb: Memory, in 2²⁰ bytes.
        used_mb: Memory in use, likewise.
        capability: CUDA compute capability, such as "9.0".
    """

    name: str
    driver: str
    total_mb: int
    used_mb: int
    capability: str


def nvidia_gpus() -> tuple[Gpu, ...]:
    """Returns the GPUs of the machine, also those hidden from CUDA; none without a driver that answers."""
    lines = query_driver("--query-gpu=name,driver_version,memory.total,memory.used,compute_cap")
    found = []
    for row in csv.reader(lines, skipinitialspace=True):
        try:
            found.append(Gpu(row[0], row[1], int(row[2]), int(row[3]), row[4]))
        except (ValueError, IndexError):  # a value that the driver does not know, such as "[N/A]"
            continue
    return tuple(found)


def query_driver(query: str) -> list[str]:
    """Returns the lines that nvidia-smi answers to a query; none if it is missing or fails."""
    program = shutil.which(_PROGRAM)
    if program is None:
        return []
    try:
        done = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"],
            capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def smallest_memory_mb() -> int | None:
    """Returns the memory of the smallest GPU, in 2²⁰ bytes; None if it is unknown."""
    return min((gpu.total_mb for gpu in nvidia_gpus()), default=None)


def runs_per_gpu(width: int, gpus: int) -> int:
    """Returns how many of the runs side by side share one GPU, at most; 1 without a GPU."""
    return max(1, -(-width // gpus)) if gpus else 1


def memory_limit_mb(total_mb: int, runs: int) -> int:
    """Returns the memory that each of several runs on one GPU may use, in 2²⁰ bytes."""
    return int(_DIVISIBLE * total_mb / runs)


def visible_to(slot: int, width: int, gpus: int) -> str | None:
    """Returns the value of CUDA_VISIBLE_DEVICES for one of several runs side by side; None to leave it as it is.

    The GPUs are divided between the runs. If there are fewer GPUs than runs, several runs share one.

    Args:
        slot: Position of the run among those side by side, from 0.
        width: Number of runs side by side.
        gpus: Number of GPUs that TensorFlow sees.

    Example:
        >>> from kerasclf.machine.gpus import visible_to
        >>> [visible_to(slot, 2, 4) for slot in (0, 1)]
        ['0,2', '1,3']
    """
    if gpus < 2 or width == 1:
        return None
    names = _visible(gpus)
    return ",".join(names[slot::width] if width <= gpus else [names[slot % gpus]])


def _visible(gpus: int) -> Sequence[str]:
    """Returns the names of the visible GPUs, which the user may have limited."""
    given = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return given if len(given) == gpus else [str(number) for number in range(gpus)]
