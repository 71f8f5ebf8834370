"""The engine that computes a trained model: TensorFlow, or OpenVINO, which is faster on a CPU."""

import keras

from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.machine.resources import usable_cores
from kerasclf.transfer.compute_engines import (
    ComputeEngine,
    choose_engine,
    engine_version,
    openvino_compute,
    tensorflow_compute,
)
from kerasclf.transfer.extraction import Compute


def compute_with(model: keras.Model, engine: ComputeEngine = "auto", log: Log = lambda line: None) -> Compute:
    """Returns a function from batches of images to probabilities.

    Args:
        model: From uint8 images to probabilities.
        engine: `"tensorflow"`, `"openvino"`, or `"auto"` for the fastest one that this machine and model allow.
        log: Receives the name and version of the engine.

    Raises:
        KerasclfError: If OpenVINO is requested, and is not installed or cannot compute the model.
    """
    chosen = choose_engine(engine)
    if chosen == "openvino":
        try:
            compute = _with_openvino(model)
        except KerasclfError:
            if engine == "openvino":
                raise
            chosen = "tensorflow"
    if chosen == "tensorflow":
        compute = tensorflow_compute(model)
    log(f"computed by {engine_version(chosen)}")
    return compute


def _with_openvino(model: keras.Model) -> Compute:
    if problem := _not_for_openvino(model):
        raise KerasclfError(f"engine: OpenVINO cannot compute this model: {problem} Use 'tensorflow'.")
    try:
        return openvino_compute(model, "float32", usable_cores())
    except Exception as error:  # its converter raises errors of many kinds
        reason = str(error).strip().partition("\n")[0]
        raise KerasclfError(f"engine: OpenVINO cannot compute this model: {reason} Use 'tensorflow'.") from error


def _not_for_openvino(model: keras.Model) -> str | None:
    """Returns why OpenVINO cannot compute a model, or None: it lowers the precision of float32 itself."""
    lowered = {layer.compute_dtype for layer in model._flatten_layers()} & {"float16", "bfloat16"}
    return f"it computes in {lowered.pop()}." if lowered else None
