"""The tf.distribute strategy and the Keras precision policy of a training."""

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import keras
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from kerasclf.errors import DeviceMemoryError, KerasclfError, Problems, TrainingError
from kerasclf.machine.cluster import NO_WORKERS, joined, launched, training_workers
from kerasclf.machine.resources import processor_name
from kerasclf.training.config import TrainConfig
from kerasclf.training.distributed.multiworker import multi_worker_strategy
from kerasclf.wording import counted

_CPU_INFO = Path("/proc/cpuinfo")
# Linux' names of bfloat16 instructions. AMX multiplies bfloat16 many times as fast as float32, AVX-512 on AMD CPUs
# twice as fast. On Intel CPUs without AMX (or if a virtual machine hides it) ResNet50 was slower: docs/training.md.
_AMX, _AVX, _AMD = "amx_bf16", "avx512_bf16", "AuthenticAMD"
# Ampere, the first GPU generation with bfloat16 units.
_BFLOAT16_CAPABILITY = (8, 0)
# Words in TensorFlow's errors on GPUs, and what to do.
_DEVICE_PROBLEMS = {
    "determinis": "The network has an operation without a deterministic implementation for this device. Unset "
    "TF_DETERMINISTIC_OPS: results of a repeated run may then differ in the last digits.",
    "libdevice": "XLA does not find libdevice, a part of CUDA. Install tensorflow[and-cuda], or set `jit` to False.",
}


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Returns the tf.distribute strategy for `"auto"`, `"none"`, `"mirrored"` or `"multiworker"`.

    `"auto"` mirrors over the GPUs if there are several. `"mirrored"` mirrors over all GPUs, or over all logical CPU
    devices if there is no GPU. `"multiworker"` uses the workers that `kerasclf launch` has started, and so does
    `"auto"` there. A process that only plans uses one device then.

    Raises:
        KerasclfError: If there are no workers for `"multiworker"`.
    """
    workers = joined()
    if workers is not None and name in ("auto", "multiworker"):
        return multi_worker_strategy(workers)
    if name == "multiworker" and launched() is None:
        raise KerasclfError(NO_WORKERS)
    if name == "multiworker" or (name == "auto" and launched() is not None):
        return tf.distribute.get_strategy()
    gpus = tf.config.list_logical_devices("GPU")
    if _takes_one_device(name, len(gpus)):
        return tf.distribute.get_strategy()
    return _mirrored(tuple(device.name for device in gpus or tf.config.list_logical_devices("CPU")))


def _takes_one_device(name: str, gpus: int) -> bool:
    return name == "none" or (name == "auto" and gpus < 2)


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # One strategy for all trainings of the process. Each new strategy would number its sums of gradients from the
    # start, and TensorFlow would confuse those of two networks ("Shape mismatch in the collective instance").
    return tf.distribute.MirroredStrategy(list(devices))


def strategy_in_words(name: str) -> str:
    """Returns where a strategy computes on this machine, and why, such as "one device (auto: there is one GPU)"."""
    workers = launched()
    if workers is not None and name in ("auto", "multiworker"):
        return f"{len(workers.addresses)} workers, one device each ({name}: started by kerasclf launch)"
    gpus, cpus = (len(tf.config.list_logical_devices(kind)) for kind in ("GPU", "CPU"))
    here = counted(gpus, "GPU") if gpus else "no GPU"
    if _takes_one_device(name, gpus):
        return f"one device ({name}: there is {here})" if name == "auto" else "one device (none)"
    devices = counted(gpus, "GPU") if gpus else counted(cpus, "logical CPU device")
    return f"mirrored over {devices} ({name}: there {'are' if gpus > 1 else 'is'} {here})"


def count_devices(name: str) -> int:
    """Returns the number of devices that a training with a strategy divides its batches between."""
    workers = training_workers()
    if workers is not None and name in ("auto", "multiworker"):
        return len(workers.addresses)
    gpus, cpus = (len(tf.config.list_logical_devices(kind)) for kind in ("GPU", "CPU"))
    return 1 if _takes_one_device(name, gpus) else gpus or cpus


def check_and_describe(configs: Sequence[TrainConfig]) -> list[str]:
    """Checks that the devices can train as requested, and describes them.

    Args:
        configs: All trainings.

    Returns:
        Lines on the devices and their precision, and on settings that are ignored there.

    Raises:
        KerasclfError: If the devices cannot train so.
    """
    problems = Problems()
    for config in configs:
        with problems.collect():
            check_settings(config)
    problems.raise_all("The experiments cannot run on these devices")
    described = describe_devices([one.strategy for one in configs], [one.precision for one in configs])
    return [*described, *dict.fromkeys(line for one in configs for line in ignored_settings(one))]


def check_settings(config: TrainConfig) -> None:
    """Checks that a training can use XLA under its strategy.

    Args:
        config: How to train.

    Raises:
        KerasclfError: If it cannot.
    """
    if config.jit is not True or (devices := count_devices(config.strategy)) == 1:
        return
    if training_workers() is None:
        reason = "XLA compiles a step for one device."
    elif not tf.config.list_physical_devices("GPU"):
        reason = "XLA compiles no exchange between CPUs."
    else:
        return
    raise KerasclfError(
        f"jit: expected False or 'auto' for a training on {devices} devices (strategy {config.strategy!r}). Received: "
        f"True. {reason}"
    )


def ignored_settings(config: TrainConfig) -> list[str]:
    """Returns a sentence on each setting of the speed that a strategy cannot use. The results do not depend on it."""
    steps = config.steps_per_execution
    if steps == "auto" or steps == 1 or (devices := count_devices(config.strategy)) == 1:
        return []
    return [f"steps_per_execution: {devices} devices take 1 step per call, not {steps}. The results are the same."]


def describe_devices(strategies: Sequence[str], policies: Sequence[str]) -> list[str]:
    """Returns in sentences what trainings will compute on; none on a CPU with the strategy `"auto"` or `"none"`.

    Args:
        strategies: The strategies of the trainings.
        policies: Their precisions.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus and "mirrored" not in strategies and launched() is None:
        return []
    where = " and ".join(dict.fromkeys(map(strategy_in_words, strategies)))
    lines = [f"devices: {describe_device()}; strategy: {where}; batches are divided between the devices"]
    if not gpus:
        return lines
    precisions = " and ".join(dict.fromkeys(map(resolve_precision, policies)))
    repeated = (
        "equal in every digit (TF_DETERMINISTIC_OPS is set)"
        if is_op_determinism_enabled()
        else "different in the last digits, as GPUs add in any order (TF_DETERMINISTIC_OPS=1 makes them equal)"
    )
    return [*lines, f"precision: {precisions}; results of a repeated run: {repeated}"]


@contextlib.contextmanager
def device_errors() -> Iterator[None]:
    """Raises errors of a device with what to do about them.

    Raises:
        DeviceMemoryError: If the device has no memory left.
        TrainingError: If TF_DETERMINISTIC_OPS is set and an operation has no deterministic implementation, or if XLA
            lacks a part of CUDA.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        raise DeviceMemoryError(
            f"{describe_device()} has no memory left. Reduce `batch_size` or `jobs`, end other programs on the device "
            "(kerasclf doctor lists them), or set `precision` to mixed_bfloat16."
        ) from error
    except tf.errors.OpError as error:
        for words, message in _DEVICE_PROBLEMS.items():
            if words in str(error).lower():
                raise TrainingError(f"{message} TensorFlow says: {str(error).strip().splitlines()[0]}") from error
        raise


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
