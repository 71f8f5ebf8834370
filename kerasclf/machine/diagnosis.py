"""What this machine offers TensorFlow, and what is wrong with it. Needs no TensorFlow in this process."""

import ctypes
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kerasclf
from kerasclf.errors import in_short
from kerasclf.extras import install_command
from kerasclf.machine.gpus import Gpu, nvidia_gpus, query_driver
from kerasclf.machine.resources import disk_of, processor_name, usable_cores
from kerasclf.wording import format_bytes

_PACKAGES = ("numpy", "tensorflow", "keras")
# Variables that decide where and how TensorFlow computes.
_VARIABLES = re.compile(r"^(TF_|XLA_|CUDA_|NVIDIA_VISIBLE|LD_LIBRARY_PATH$|KERAS_BACKEND$|KERASCLF_|OMP_NUM_THREADS$)")
# Loading the libraries of CUDA and compiling for a new GPU may take a minute.
_PROBE_S = 180
_DEVICE_FILES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg")
_INSTALL = f"Install its GPU libraries: {install_command('gpu')}."
_MIN_FREE_BYTES = 2e9
# Share of a GPU's memory that other programs may hold.
_MAX_USED = 0.5


@dataclass
class Diagnosis:
    """The facts of this machine, and the problems.

    Args:
        facts: Texts by name, in the order in which they are shown.
        problems: Sentences: each a problem and what to do.
    """

    facts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def diagnose(cache: Path) -> Diagnosis:
    """Returns the facts and the problems of this machine.

    Args:
        cache: Folder of the cached activations, whose disk is examined.
    """
    found = Diagnosis()
    gpus, probe, messages = nvidia_gpus(), *probe_tensorflow()
    _describe_software(found)
    _describe_hardware(found, gpus, cache)
    found.facts |= {name: value for name, value in sorted(os.environ.items()) if _VARIABLES.match(name)}
    if probe is None:
        last = messages.strip().splitlines()[-1:] or ["it gave no reason"]
        found.problems.append(
            f"TensorFlow does not start: {in_short(last[0])}. Install it again: pip install --force-reinstall "
            "tensorflow."
        )
        return found
    found.facts |= _facts_of_tensorflow(probe)
    if "on tensorflow" not in probe["keras"]:
        found.problems.append(f"Keras uses another backend: {probe['keras']}. Set KERAS_BACKEND=tensorflow.")
    found.problems += gpu_problems(gpus, probe, messages) + memory_problems(gpus)
    return found


def probe_tensorflow() -> tuple[dict[str, Any] | None, str]:
    """Returns what TensorFlow sees, None if it does not start, and its messages."""
    # At this level TensorFlow names each library that it cannot load.
    loud = {"TF_CPP_MIN_LOG_LEVEL": "0", "TF_CPP_VMODULE": "dso_loader=1"}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kerasclf.machine.doctor_probe"],
            capture_output=True, text=True, errors="replace", timeout=_PROBE_S, check=False,
            env={**os.environ, **loud},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return None, f"no answer within {_PROBE_S} seconds"
    answers = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not answers:
        return None, done.stderr
    answer: dict[str, Any] = json.loads(answers[-1])
    if done.returncode and not answer["failures"]:
        answer["failures"] = {"the first computation": f"the process ended with exit code {done.returncode}"}
    return answer, done.stderr


def gpu_problems(gpus: tuple[Gpu, ...], probe: dict[str, Any], messages: str) -> list[str]:
    """Returns why TensorFlow sees no GPU, or why a GPU that it sees does not compute.

    Args:
        gpus: The GPUs that the driver names.
        probe: The answer of `probe_tensorflow`.
        messages: TensorFlow's messages.
    """
    if probe["gpus"]:
        return [f"The GPU fails at {name}: {reason}. {_INSTALL}" for name, reason in probe["failures"].items()]
    has_device = bool(gpus) or any(Path(file).exists() for file in _DEVICE_FILES)
    if not has_device:
        return []
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return [f"CUDA_VISIBLE_DEVICES={hidden!r} hides the GPUs. Unset it."]
    if not gpus or not _driver_loads():
        return [
            "There is a GPU, but its driver does not answer. Install or repair NVIDIA's driver, then restart the "
            "machine. nvidia-smi must list the GPU."
        ]
    if probe["cuda"] is None:
        return [f"TensorFlow is a build for CPUs only and cannot use the {gpus[0].name}. {_INSTALL}"]
    missing = sorted(set(re.findall(r"Could not load dynamic library '([^']+)'", messages)))
    names = ", ".join(missing) if missing else "some libraries of CUDA"
    return [f"TensorFlow sees no GPU, because it cannot load {names}. {_INSTALL}"]


def _driver_loads() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1" if sys.platform == "linux" else "nvcuda")
    except OSError:
        return False
    return True


def memory_problems(gpus: tuple[Gpu, ...]) -> list[str]:
    """Returns a sentence for each GPU whose memory other programs hold."""
    full = [gpu for gpu in gpus if gpu.used_mb > _MAX_USED * gpu.total_mb]
    if not full:
        return []
    programs = query_driver("--query-compute-apps=pid,process_name,used_memory")
    held = f" Its processes (number, program, MB): {'; '.join(programs)}." if programs else ""
    return [
        f"Other programs hold {gpu.used_mb:,} of {gpu.total_mb:,} MB of the {gpu.name}.{held} End them, or train on "
        "another GPU (CUDA_VISIBLE_DEVICES)."
        for gpu in full
    ]


def _describe_software(found: Diagnosis) -> None:
    found.facts["kerasclf"] = kerasclf.__version__
    found.facts["python"] = f"{platform.python_version()} in {sys.prefix}"
    found.facts["system"] = platform.platform()
    for name in _PACKAGES:
        try:
            found.facts[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.facts[name] = "not installed"
    libraries = {one.name: one.version for one in importlib.metadata.distributions() if one.name.startswith("nvidia-")}
    in_words = ", ".join(f"{name.removeprefix('nvidia-')} {version}" for name, version in sorted(libraries.items()))
    found.facts["CUDA packages"] = in_words or "none from pip"


def _describe_hardware(found: Diagnosis, gpus: tuple[Gpu, ...], cache: Path) -> None:
    import psutil

    memory = psutil.virtual_memory()
    disk = disk_of(cache)
    found.facts["processor"] = f"{processor_name()}, {usable_cores()} usable cores of {os.cpu_count()}"
    found.facts["memory"] = f"{format_bytes(memory.available)} free of {format_bytes(memory.total)}"
    found.facts["cache"] = f"{cache}, {format_bytes(disk.free)} free of {format_bytes(disk.total)}"
    found.facts["driver"] = (
        "; ".join(f"{gpu.name}, {gpu.used_mb:,} of {gpu.total_mb:,} MB used, driver {gpu.driver}" for gpu in gpus)
        or "nvidia-smi names no GPU"
    )
    if disk.free < _MIN_FREE_BYTES:
        found.problems.append(
            f"The disk of {cache} has {format_bytes(disk.free)} left. Make room (kerasclf cache clear), or set "
            "KERASCLF_CACHE to a folder on another disk."
        )


def _facts_of_tensorflow(probe: dict[str, Any]) -> dict[str, str]:
    build = f"built for CUDA {probe['cuda']} and cuDNN {probe['cudnn']}" if probe["cuda"] else "built for CPUs only"
    return {
        "TensorFlow": f"{probe['tensorflow']}, {build}",
        "Keras": probe["keras"],
        "GPUs in TensorFlow": "; ".join(probe["gpus"]) or "none: it trains on the CPU",
    }
