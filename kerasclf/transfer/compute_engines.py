"""The engines that compute a network or its frozen part: TensorFlow, and OpenVINO, which is faster on a CPU."""

import math
import sys
from collections.abc import Callable, Iterator
from importlib import metadata, util
from typing import Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.extras import install_command
from kerasclf.transfer.extraction import Compute

# Maximum number of values of a small variable, such as those of batch normalisation.
_SMALL = 1 << 14

ComputeEngine = Literal["auto", "tensorflow", "openvino"]


def choose_engine(engine: ComputeEngine) -> Literal["tensorflow", "openvino"]:
    """Returns the engine that `"auto"` stands for on this machine, and any other engine unchanged.

    Raises:
        KerasclfError: If OpenVINO is requested but not installed.
    """
    installed = util.find_spec("openvino") is not None
    if engine == "openvino" and not installed:
        raise KerasclfError(f"engine: OpenVINO is not installed. Install it: {install_command('openvino')}.")
    if engine != "auto":
        return engine
    return "openvino" if installed and not tf.config.list_physical_devices("GPU") else "tensorflow"


def engine_version(engine: str) -> str:
    """Returns the name and version of an engine, which identify a cache."""
    return f"{engine} {metadata.version(engine)}"


def tensorflow_compute(lower: keras.Model) -> Compute:
    """Returns a function that computes a network with TensorFlow, in the network's precision.

    Call it while the network is patched, if at all: it traces the network immediately.

    Args:
        lower: From images to the activations at one or several cuts.
    """
    forward = tf.function(
        lambda images: _forward(lower, images),
        input_signature=[tf.TensorSpec((None, *lower.input.shape[1:]), tf.uint8)],
        jit_compile=bool(tf.config.list_physical_devices("GPU")),
        autograph=False,
    ).get_concrete_function()
    return lambda batches: _one_ahead(forward, batches)


def openvino_compute(lower: keras.Model, precision: str, threads: int) -> Compute:
    """Returns a function that computes a network with OpenVINO on the CPU.

    Args:
        lower: From images to the activations at one or several cuts. It must be in float32 for any `precision`:
            OpenVINO lowers the precision itself.
        precision: `"float32"`, or `"mixed_bfloat16"` for bfloat16 inside the network.
        threads: Number of CPU threads.
    """
    openvino = import_openvino()
    shape = lower.input.shape[1:]
    # OpenVINO's converter searches all variables for each operation. Without the small ones it takes half as long.
    # The graph holds constants several times, so the large ones stay variables.
    small = [(variable, variable.numpy()) for variable in lower.variables if math.prod(variable.shape) <= _SMALL]

    @tf.function(input_signature=[tf.TensorSpec((None, *shape), tf.uint8)], autograph=False)
    def forward(images: tf.Tensor) -> list[tf.Tensor]:
        with keras.StatelessScope([(variable, tf.constant(value)) for variable, value in small]):
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
    return lambda batches: _in_order(compiled, batches)


def _one_ahead(
    forward: Callable[[tf.Tensor], list[tf.Tensor]], batches: Iterator[NDArray[np.uint8]]
) -> Iterator[list[NDArray[Any]]]:
    """Computes batches in their order. A GPU computes one of them while the next one is read."""
    pending: list[tf.Tensor] | None = None
    for images in batches:
        started = forward(tf.constant(images))  # A GPU is not awaited here, but where its results are read.
        if pending is not None:
            yield [np.asarray(rows) for rows in pending]
        pending = started
    if pending is not None:
        yield [np.asarray(rows) for rows in pending]


def _forward(lower: keras.Model, images: tf.Tensor) -> list[tf.Tensor]:
    """Returns the outputs as a list, also for a single cut, for which Keras returns a tensor."""
    return keras.tree.flatten(lower(images, training=False))  # type: ignore[no-any-return]


def import_openvino() -> Any:
    """Returns the module `openvino`, which reports no use of it to its makers."""
    # OpenVINO's converter reports every use to its makers, from processes that outlive this one and keep its pipes
    # open. It skips the report if this module cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _in_order(compiled: Any, batches: Iterator[NDArray[np.uint8]]) -> Iterator[list[NDArray[Any]]]:
    """Computes batches in all of OpenVINO's streams, and yields their results in the order of the batches."""
    requests = [
        compiled.create_infer_request() for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
    ]
    pending: list[Any] = []
    for i, images in enumerate(batches):
        request = requests[i % len(requests)]
        if len(pending) == len(requests):
            yield _results(pending.pop(0))
        request.start_async([images])
        pending.append(request)
    for request in pending:
        yield _results(request)


def _results(request: Any) -> list[NDArray[Any]]:
    request.wait()
    return [tensor.data.copy() for tensor in request.output_tensors]
