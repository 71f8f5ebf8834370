"""The digest of a model: layers, settings, inputs and weights, without names."""

import hashlib
import json
from typing import Any

import keras
import numpy as np


def model_digest(model: keras.Model) -> str:
    """Returns a hash that is equal for two models that compute the same function.

    It ignores names, because Keras numbers some of them by the layers that the process built before.
    """
    digest = hashlib.sha256()
    for step in model.operations:
        config = {key: value for key, value in step.get_config().items() if key not in ("name", "trainable")}
        digest.update(json.dumps([type(step).__name__, config], sort_keys=True, default=_plain).encode())
        if isinstance(step, keras.Layer):
            for array in step.get_weights():
                digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    # The inputs of each layer: outputs of other layers, and constants such as the 255 of x / 255.
    positions = {step.name: position for position, step in enumerate(model.operations)}
    for step in model.get_config()["layers"]:
        calls = _with_positions(step["inbound_nodes"], positions)
        digest.update(json.dumps([positions[step["name"]], calls], sort_keys=True, default=_plain).encode())
    return digest.hexdigest()


def _with_positions(calls: Any, positions: dict[str, int]) -> Any:
    """Replaces the names of layers by their positions in Keras' description of their calls."""
    if isinstance(calls, dict):
        return {
            key: [positions[value[0]], *value[1:]] if key == "keras_history" else _with_positions(value, positions)
            for key, value in calls.items()
        }
    return [_with_positions(call, positions) for call in calls] if isinstance(calls, list | tuple) else calls


def _plain(value: object) -> str:
    """Describes a value that JSON does not support: an array by its values, any other by its class."""
    return str(value.tolist()) if isinstance(value, np.ndarray) else type(value).__name__
