"""Checks that a saved model is one that kerasclf can use: its input, its class names and its outputs."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError


def input_problem(model: keras.Model, path: Path) -> str | None:
    """Returns what is wrong with the input of a model, or None."""
    image, shape = model.inputs[0], tuple(model.input_shape[1:])
    if len(shape) == 3 and shape[:2] == (1, 1) and image.dtype == "float32":
        return None  # rows of a table
    if len(shape) != 3 or None in shape or shape[2] not in (1, 3):
        return (
            "Expected an input of images of one size, of shape (height, width, 3) in colour or (height, width, 1) in "
            f"grey. Received: {path} with shape {shape}."
        )
    if image.dtype != "uint8":
        return (
            f"Expected an input of raw pixels, uint8 from 0 to 255. Received: {path} with {image.dtype}, whose range "
            "it does not say. Put keras.Input(..., dtype='uint8') and the normalisation in front of the model."
        )
    return None


def names_problem(model: keras.Model, names: Sequence[str], path: Path) -> str | None:
    """Returns what is wrong with the class names of a model, or None."""
    outputs = model.output_shape[-1]
    if not names:
        return (
            f"Expected the names of {outputs} classes inside {path}. It has none. Write them, in the order of the "
            "outputs, as a JSON list into the file classes.json beside it."
        )
    if len(names) != outputs:
        return f"Expected a class name for each of {outputs} outputs. Received: {path} with {len(names)} names."
    return None


def check_probabilities(rows: NDArray[np.float32], path: Path) -> None:
    """Raises an error if the outputs of a model, shape (n, classes), are no probabilities."""
    if not (np.isfinite(rows).all() and rows.min() > -1e-3 and np.allclose(rows.sum(axis=1), 1, atol=1e-2)):
        raise KerasclfError(
            f"{path} cannot be used: expected probabilities, which are positive and have the sum 1. Received: "
            f"{np.array2string(rows[0, :3], precision=3)} and others. Add a softmax at its end."
        )
