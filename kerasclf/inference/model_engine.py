"""The engine that computes a trained model: TensorFlow, or OpenVINO, which is faster on a CPU."""

import keras

from kerasclf.errors import KerasclfError
from kerasclf.machine import usable_cores
from kerasclf.transfer.extraction import Compute
from kerasclf.transfer.extraction_engines import Engine, choose_engine, openvino_compute, tensorflow_compute


def compute_with(model: keras.Model, engine: Engine = "auto") -> tuple[Compute, str]:
    """Returns a function from batches of images to probabilities, and the name of its engine.

    Args:
        model: From uint8 images to probabilities.
        engine: `"tensorflow"`, `"openvino"`, or `"auto"` for the fastest one that this machine and model allow.

    Raises:
        KerasclfError: If OpenVINO is requested, and is not installed or cannot compute the model.
    """
    chosen = choose_engine(engine)
    if chosen == "openvino":
        if problem := _not_for_openvino(model):
            if engine == "openvino":
                raise KerasclfError(f"engine: OpenVINO cannot compute this model: {problem} Use 'tensorflow'.")
        else:
            try:
                return openvino_compute(model, "float32", usable_cores()), "openvino"
            except Exception as error:  # its converter raises errors of many kinds
                if engine == "openvino":
                    reason = str(error).strip().partition("\n")[0]
                    raise KerasclfError(
                        f"engine: OpenVINO cannot compute this model: {reason} Use 'tensorflow'."
                    ) from error
    return tensorflow_compute(model), "tensorflow"


def _not_for_openvino(model: keras.Model) -> str | None:
    """Returns why OpenVINO cannot compute a model, or None: it lowers the precision of float32 itself."""
    lowered = {layer.compute_dtype for layer in model._flatten_layers()} & {"float16", "bfloat16"}
    return f"it computes in {lowered.pop()}." if lowered else None
