"""Writes a model that computes calibrated probabilities itself, with layers that Keras alone loads."""

from pathlib import Path

import keras
from keras import layers

from kerasclf.errors import KerasclfError
from kerasclf.inference.calibration.model_calibration import ModelCalibration
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.models.flattening import is_network
from kerasclf.networks.model_file import save_model

_TEMPERATURE = "temperature"


def write_calibrated(trained: TrainedModel, calibration: ModelCalibration, path: Path) -> None:
    """Writes a calibrated copy of a model. The file appears whole or not at all.

    Args:
        trained: The model as trained.
        calibration: Its calibration, which goes into the metadata of the copy.
        path: The file, ending in .keras.

    Raises:
        KerasclfError: If the model does not end in a softmax.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    model = with_temperature(trained.model, calibration.temperature.value)
    save_model(model, path, trained.class_names, calibration.to_plain(), trained.image_fit)


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """Returns a model that divides its logits by a temperature: ... → logits → Rescaling → softmax.

    Args:
        model: From images to class probabilities. It may end in another model, such as the network behind its
            normalisation. The new model shares its weights.
        temperature: The temperature.

    Raises:
        KerasclfError: If the model does not end in a softmax.
    """
    last, node, _ = model.outputs[0]._keras_history
    (x,) = last._inbound_nodes[node].input_tensors
    if is_network(last):
        return keras.Model(model.inputs[0], with_temperature(last, temperature)(x), name=model.name)
    # float32 even under mixed precision, as in every head.
    scaled = layers.Rescaling(1 / temperature, dtype="float32", name=_TEMPERATURE)(_logits(last, x))
    # A dense layer keeps its name, and the softmax after it needs another one.
    name = f"{last.name}_calibrated" if isinstance(last, layers.Dense) else last.name
    softmax = layers.Activation("softmax", dtype="float32", name=name)
    return keras.Model(model.inputs[0], softmax(scaled), name=model.name)


def _logits(last: keras.Operation, x: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the logits below the softmax of the last layer of a model, whose input is x."""
    if isinstance(last, layers.Softmax) and last.axis == -1:
        return x
    if isinstance(last, layers.Activation) and last.activation is keras.activations.softmax:
        return x
    if isinstance(last, layers.Dense) and last.activation is keras.activations.softmax:
        linear = layers.Dense.from_config({**last.get_config(), "activation": "linear"})
        logits = linear(x)
        linear.set_weights(last.get_weights())
        return logits
    raise KerasclfError(
        f"Expected a model that ends in a softmax. Received: one that ends in {last.name}, a {type(last).__name__}. "
        "kerasclf predict calibrates its probabilities all the same."
    )
