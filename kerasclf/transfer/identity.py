"""What a model computes, as a hash: its layers, their settings, inputs and weights, but not their names."""

import hashlib
import json
from typing import Any

import keras
import numpy as np


def model_digest(model: keras.Model) -> str:
    """Returns a hash that two models share where they compute the same of the same input.

    Names are left out: Keras numbers some of them by what was built before in the process.
    """
    digest = hashlib.sha256()
    for step in model.operations:
        config = {key: value for key, value in step.get_config().items() if key not in ("name", "trainable")}
        digest.update(json.dumps([type(step).__name__, config], sort_keys=True, default=_plain).encode())
        if isinstance(step, keras.Layer):
            for array in step.get_weights():
                digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    # What goes in where: other layers' outputs, and constants such as the 255 of x / 255.
    places = {step.name: place for place, step in enumerate(model.operations)}
    for step in model.get_config()["layers"]:
        calls = _by_place(step["inbound_nodes"], places)
        digest.update(json.dumps([places[step["name"]], calls], sort_keys=True, default=_plain).encode())
    return digest.hexdigest()


def _by_place(calls: Any, places: dict[str, int]) -> Any:
    """Replaces the names of layers in what Keras says of their calls."""
    if isinstance(calls, dict):
        return {
            key: [places[value[0]], *value[1:]] if key == "keras_history" else _by_place(value, places)
            for key, value in calls.items()
        }
    return [_by_place(call, places) for call in calls] if isinstance(calls, list | tuple) else calls


def _plain(value: object) -> str:
    """Describes what JSON does not know: an initializer by its class, which says nothing of what is computed."""
    return str(value.tolist()) if isinstance(value, np.ndarray) else type(value).__name__
