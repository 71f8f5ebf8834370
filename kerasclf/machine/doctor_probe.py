"""Asks TensorFlow for its devices and lets each GPU compute. The answer is one line of JSON on standard output.

    python -m kerasclf.machine.doctor_probe

It runs in a process of its own: a broken installation may end the process, or never answer.
"""

import json
from collections.abc import Callable
from typing import Any

from kerasclf.errors import in_short


def main() -> None:
    """Prints what TensorFlow sees and what its GPUs can compute."""
    import keras
    import tensorflow as tf

    build = tf.sysconfig.get_build_info()
    gpus = tf.config.list_physical_devices("GPU")
    answer = {
        "tensorflow": tf.__version__,
        "keras": f"{keras.__version__} on {keras.backend.backend()}",
        "cuda": build.get("cuda_version") if build.get("is_cuda_build") else None,
        "cudnn": build.get("cudnn_version"),
        "gpus": [_details(gpu) for gpu in gpus],
        "failures": {},
    }
    # If a computation ends the process, the devices are known all the same.
    print(json.dumps(answer), flush=True)
    if gpus:
        print(json.dumps({**answer, "failures": failures_on("GPU:0")}), flush=True)


def _details(gpu: Any) -> str:
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    capability = ".".join(map(str, details.get("compute_capability", ())))
    return f"{details.get('device_name', 'GPU')}, compute capability {capability or 'unknown'}"


def failures_on(device: str) -> dict[str, str]:
    """Returns which kinds of computation fail on a device, each with the reason."""
    import tensorflow as tf

    def multiply() -> Any:
        return tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))

    def convolve() -> Any:
        return tf.nn.conv2d(tf.ones((1, 8, 8, 1)), tf.ones((3, 3, 1, 1)), 1, "SAME")

    kinds: dict[str, Callable[[], Any]] = {
        "a matrix product (cuBLAS)": multiply,
        "a convolution (cuDNN)": convolve,
        "a product compiled by XLA": tf.function(multiply, jit_compile=True),
    }
    failed = {}
    for name, compute in kinds.items():
        try:
            with tf.device(device):
                compute().numpy()
        except Exception as error:
            failed[name] = in_short(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
    return failed


if __name__ == "__main__":
    main()
