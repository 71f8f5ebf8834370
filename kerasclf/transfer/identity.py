"""What a model computes, as a hash: its layers, their settings and their weights, but not their names."""

import hashlib
import json

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
    return digest.hexdigest()


def _plain(value: object) -> str:
    """Describes what JSON does not know: an initializer by its class, which says nothing of what is computed."""
    return str(value.tolist()) if isinstance(value, np.ndarray) else type(value).__name__
