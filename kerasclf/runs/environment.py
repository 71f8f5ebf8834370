"""The environment of a run: versions and hardware."""

import importlib.metadata
import os
import platform
from collections import Counter
from collections.abc import Iterable

from kerasclf.machine.resources import processor_name, usable_cores
from kerasclf.runs.run_records import RunEnvironment
from kerasclf.wording import counted

_PACKAGES = ("kerasclf", "keras", "tensorflow", "numpy", "scikit-learn")


def describe_environment() -> RunEnvironment:
    """Returns versions and hardware as plain JSON types. Needs TensorFlow, which lists the GPUs."""
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled

    gpus = tf.config.list_physical_devices("GPU")
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "processor": processor_name(),
        "cores": usable_cores(),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1",
        "deterministic_ops": is_op_determinism_enabled(),
        "gpus": [tf.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in gpus],
    }


def hardware_in_words(environment: RunEnvironment) -> str:
    """Returns the hardware as a phrase: the GPUs if there are any, otherwise the CPU."""
    gpus = environment["gpus"]
    if gpus:
        return f"{len(gpus)} × {gpus[0]}"
    cores = environment["cores"]
    return f"{environment['processor']}, {counted(cores, 'core')}"


def hardware_of_all(environments: Iterable[RunEnvironment]) -> str:
    """Returns the hardware of several runs as a phrase. If it differs, the phrase counts the runs of each."""
    runs_on = Counter(map(hardware_in_words, environments))
    if len(runs_on) == 1:
        return next(iter(runs_on))
    return "; ".join(f"{hardware} ({counted(runs, 'run')})" for hardware, runs in runs_on.most_common())
