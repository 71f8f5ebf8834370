"""The tf.distribute strategy and the Keras precision policy of a training."""

import contextlib
import functools
import os
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from kerasclf.machine import processor_name

_CPU_INFO = Path("/proc/cpuinfo")
# Linux' names of bfloat16 instructions. AMX multiplies bfloat16 many times as fast as float32, AVX-512 on AMD CPUs
# twice as fast. On Intel CPUs without AMX (or if a virtual machine hides it) ResNet50 was slower: docs/training.md.
_AMX, _AVX, _AMD = "amx_bf16", "avx512_bf16", "AuthenticAMD"
# Ampere, the first GPU generation with bfloat16 units.
_BFLOAT16_CAPABILITY = (8, 0)


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the tf.distribute strategy for `"auto"`, `"none"` or `"mirrored"`.

    `"auto"` mirrors over the GPUs if there are several. `"mirrored"` mirrors over all GPUs, or over all logical CPU
    devices if there is no GPU.
    """
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in gpus or tf.config.list_logical_devices("CPU")))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # One strategy for all trainings of the process. Each new strategy would number its sums of gradients from the
    # start, and TensorFlow would confuse those of two networks ("Shape mismatch in the collective instance").
    return tf.distribute.MirroredStrategy(list(devices))


def resolve_precision(policy: str) -> str:
    """Returns the precision that `"auto"` stands for on this machine, and any other precision unchanged.

    `"auto"` is mixed_bfloat16 if all GPUs, or the CPU if there is no GPU, are faster in bfloat16. It is float32
    otherwise, and if the hardware is unknown.
    """
    if policy != "auto":
        return policy
    gpus = tf.config.list_physical_devices("GPU")
    faster = all(_capability(gpu) >= _BFLOAT16_CAPABILITY for gpu in gpus) if gpus else _cpu_has_bfloat16()
    return "mixed_bfloat16" if faster else "float32"


def _capability(gpu: tf.config.PhysicalDevice) -> tuple[int, int]:
    # Only NVIDIA GPUs have a compute capability.
    return tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))


def _cpu_has_bfloat16() -> bool:
    if not _CPU_INFO.exists():
        return False
    lines = _CPU_INFO.read_text(encoding="utf-8").splitlines()
    words = {word for line in lines if line.startswith(("flags", "vendor_id")) for word in line.split()}
    return _AMX in words or {_AVX, _AMD} <= words


def describe_device() -> str:
    """Returns the names of the GPUs, or of the CPU with its library. Another one rounds differently."""
    if gpus := tf.config.list_physical_devices("GPU"):
        return ", ".join(tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus)
    return processor_name() + (" with oneDNN" if os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1" else "")


@contextlib.contextmanager
def precision(policy: str) -> Iterator[str]:
    """Sets Keras' precision policy for the models built in the block, and yields it with `"auto"` resolved."""
    before = keras.config.dtype_policy()
    resolved = resolve_precision(policy)
    keras.config.set_dtype_policy(resolved)
    try:
        yield resolved
    finally:
        keras.config.set_dtype_policy(before)
