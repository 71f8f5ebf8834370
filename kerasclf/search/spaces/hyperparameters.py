"""Between our search spaces and KerasTuner's hyperparameters. Needs KerasTuner."""

import json
from collections.abc import Mapping
from typing import Any

import keras_tuner

from kerasclf.search.spaces.space import Axis, Boolean, Choice, Space, Values

# KerasTuner chooses between values of one of these types only.
_NATIVE = (bool, int, float, str)


def to_hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """Returns the space as KerasTuner's oracles take it."""
    found = keras_tuner.HyperParameters()
    for name, axis in space.axes.items():
        declare(found, name, axis)
    return found


def declare(hp: keras_tuner.HyperParameters, name: str, axis: Axis) -> Any:
    """Declares an axis as a hyperparameter and returns the value it has, in our terms."""
    if isinstance(axis, Boolean):
        return hp.Boolean(name)
    if isinstance(axis, Choice):
        native = _is_native(axis)
        # Whether an order of the values means something decides how a Gaussian process sees them.
        ordered = native and not isinstance(axis.values[0], bool | str)
        chosen = hp.Choice(name, list(axis.values) if native else _labels(axis), ordered=ordered)
        return _of_label(axis, chosen)
    make = hp.Int if axis.kind == "int" else hp.Float
    return make(name, axis.low, axis.high, step=axis.step, sampling="log" if axis.log else "linear")


def from_values(space: Space, values: Mapping[str, Any]) -> Values:
    """Returns what KerasTuner proposed in our terms; its own entries (`tuner/epochs`, …) are left out."""
    return {name: _native_value(axis, values[name]) for name, axis in space.axes.items()}


def _native_value(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Choice):
        return _of_label(axis, value)
    if isinstance(axis, Boolean):
        return bool(value)
    return int(value) if axis.kind == "int" else float(value)


def _is_native(axis: Choice) -> bool:
    return type(axis.values[0]) in _NATIVE and len({type(value) for value in axis.values}) == 1


def _labels(axis: Choice) -> list[str]:
    return [json.dumps(value) for value in axis.values]


def _of_label(axis: Choice, chosen: Any) -> Any:
    if _is_native(axis):
        return type(axis.values[0])(chosen)
    return axis.values[_labels(axis).index(chosen)]
