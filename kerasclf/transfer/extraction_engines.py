"""What computes the frozen part of a network: TensorFlow, or OpenVINO, which is faster on a CPU."""

import sys
from collections.abc import Iterator
from importlib import metadata, util
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.transfer.extraction import Compute

Engine = Literal["auto", "tensorflow", "openvino"]


def choose_engine(engine: Engine) -> Literal["tensorflow", "openvino"]:
    """Returns the engine that `"auto"` stands for here.

    Raises:
        KerasclfError: OpenVINO is asked for and not installed.
    """
    installed = util.find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise KerasclfError("engine: OpenVINO is not installed. Install it: pip install 'kerasclf[openvino]'.")
    if engine != "auto":
        return engine
    return "openvino" if installed and not tf.config.list_physical_devices("GPU") else "tensorflow"


def engine_version(engine: str) -> str:
    """Returns an engine with its version, as a cache remembers it."""
    return f"{engine} {metadata.version(engine)}"


def tensorflow_compute(lower: keras.Model) -> Compute:
    """Returns what computes a network with TensorFlow, in the network's own precision, as it is when this is called.

    Args:
        lower: From images to the activations of one or several points.
    """
    forward = tf.function(
        lambda images: _forward(lower, images),
        input_signature=[tf.TensorSpec((None, *lower.input.shape[1:]), tf.uint8)],
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
        autograph=False,
    ).get_concrete_function()
    return lambda batches: ([np.asarray(rows) for rows in forward(tf.constant(images))] for images in batches)


def openvino_compute(lower: keras.Model, precision: str, threads: int) -> Compute:
    """Returns what computes a network with OpenVINO on the CPU.

    Args:
        lower: From images to the activations of one or several points, built in float32 whatever `precision` is:
            OpenVINO lowers it by itself.
        precision: `"float32"`, or `"mixed_bfloat16"` for bfloat16 within.
        threads: CPU threads.
    """
    openvino = _openvino()
    shape = lower.input.shape[1:]

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.uint8)], autograph=False)
    def forward(images: tf.Tensor) -> list[tf.Tensor]:
        return _forward(lower, images)

    network = openvino.convert_model(forward.get_concrete_function())
    compiled = openvino.Core().compile_model(
        network,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "mixed_bfloat16" else "f32",
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_NUM_THREADS": threads,
        },
    )
    return lambda batches: _in_turn(compiled, batches)


def _forward(lower: keras.Model, images: tf.Tensor) -> list[tf.Tensor]:
    """Returns a list for one point, too, of which Keras makes a tensor."""
    return keras.tree.flatten(lower(images, training=False))  # type: ignore[no-any-return]


def _openvino() -> Any:
    # Its converter tells its makers of every use, from processes that outlive ours and hold our pipes open meanwhile.
    # It does without where this module cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _in_turn(compiled: Any, batches: Iterator[NDArray[np.uint8]]) -> Iterator[list[NDArray[Any]]]:
    """Keeps all of OpenVINO's streams busy, and hands their results out in the order of the batches."""
    requests = [
        compiled.create_infer_request() for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    ]
    waiting: list[Any] = []
    for i, images in enumerate(batches):
        request = requests[i % len(requests)]
        if len(waiting) == len(requests):
            yield _results(waiting.pop(0))
        request.start_async([images])
        waiting.append(request)
    for request in waiting:
        yield _results(request)


def _results(request: Any) -> list[NDArray[Any]]:
    request.wait()
    return [tensor.data.copy() for tensor in request.output_tensors]
