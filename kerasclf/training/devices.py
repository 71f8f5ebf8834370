"""Where and how precisely to compute: tf.distribute strategy and Keras' precision policy."""

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

_CPU_INFO = Path("/proc/cpuinfo")
# Linux' names of a CPU's instructions on bfloat16. AMX multiplies it many times as fast as float32, AVX-512 on AMD's
# CPUs twice. On Intel's without AMX (or where a virtual machine hides it) ResNet50 was slower: docs/training.md.
_AMX, _AVX, _AMD = "amx_bf16", "avx512_bf16", "AuthenticAMD"
# Ampere, the first with units for bfloat16.
_BFLOAT16_CAPABILITY = (8, 0)


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the tf.distribute strategy for `"auto"`, `"none"` or `"mirrored"`.

    `"auto"` mirrors over the GPUs where there are several. `"mirrored"` mirrors over all GPUs, or over all
    logical CPU devices where there is no GPU.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in gpus or tf.config.list_logical_devices("CPU")))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # One for all trainings of the process: each new one numbers its sums of gradients from the beginning, and
    # TensorFlow then takes those of one network for those of another ("Shape mismatch in the collective instance").
    return tf.distribute.MirroredStrategy(list(devices))


def resolve_precision(policy: str) -> str:
    """Returns the precision that `"auto"` means on this machine, and any other as it is.

    `"auto"` is mixed_bfloat16 where the hardware is faster in bfloat16: where there are GPUs, all of them must be;
    elsewhere the CPU. It is float32 where it is not or cannot be asked.
    """
    if policy != "auto":
        return policy
    gpus = tf.config.list_physical_devices("GPU")
    able = all(_capability(gpu) >= _BFLOAT16_CAPABILITY for gpu in gpus) if gpus else _cpu_has_bfloat16()
    return "mixed_bfloat16" if able else "float32"


def _capability(gpu: tf.config.PhysicalDevice) -> tuple[int, int]:
    # Only those of NVIDIA have one.
    return tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))


def _cpu_has_bfloat16() -> bool:
    if not _CPU_INFO.exists():
        return False
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if line.startswith(("flags", "vendor_id")) for word in line.split()}
    return _AMX in words or {_AVX, _AMD} <= words


@contextlib.contextmanager
def precision(policy: str) -> Iterator[str]:
    """Makes a precision Keras' policy for the models built inside the block, and tells what `"auto"` stands for."""
    before = keras.config.dtype_policy()
    resolved = resolve_precision(policy)
    keras.config.set_dtype_policy(resolved)
    try:
        yield resolved
    finally:
        keras.config.set_dtype_policy(before)
