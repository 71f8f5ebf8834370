"""Converts between search spaces and KerasTuner's hyperparameters. Needs KerasTuner."""

import json
from collections.abc import Mapping
from typing import Any

import keras_tuner

from kerasclf.search.spaces.space import Axis, Boolean, Choice, Space, Values

# KerasTuner's Choice takes values of one of these types only.
_NATIVE = (bool, int, float, str)


def to_hyperparameters(space: Space) -> keras_tuner.HyperParameters:
    """Returns a space as KerasTuner's hyperparameters."""
    hp = keras_tuner.HyperParameters()
    for name, axis in space.axes.items():
        declare(hp, name, axis)
    return hp


def declare(hp: keras_tuner.HyperParameters, name: str, axis: Axis) -> Any:
    """Declares an axis as a hyperparameter and returns its current value."""
    if isinstance(axis, Boolean):
        return hp.Boolean(name)
    if isinstance(axis, Choice):
        native = _is_native(axis)
        # A Gaussian process treats ordered values as numbers and others as categories.
        ordered = native and not isinstance(axis.values[0], bool | str)
        chosen = hp.Choice(name, list(axis.values) if native else _labels(axis), ordered=ordered)
        return _chosen_value(axis, chosen)
    make = hp.Int if axis.kind == "int" else hp.Float
    return make(name, axis.low, axis.high, step=axis.step, sampling="log" if axis.log else "linear")


def from_values(space: Space, values: Mapping[str, Any]) -> Values:
    """Returns KerasTuner's values as values of the space, without KerasTuner's own entries (`tuner/epochs`, …)."""
    return {name: _axis_value(axis, values[name]) for name, axis in space.axes.items()}


def _axis_value(axis: Axis, value: Any) -> Any:
    if isinstance(axis, Choice):
        return _chosen_value(axis, value)
    if isinstance(axis, Boolean):
        return bool(value)
    return int(value) if axis.kind == "int" else float(value)


def _is_native(axis: Choice) -> bool:
    return type(axis.values[0]) in _NATIVE and len({type(value) for value in axis.values}) == 1


def _labels(axis: Choice) -> list[str]:
    return [json.dumps(value) for value in axis.values]


def _chosen_value(axis: Choice, chosen: Any) -> Any:
    if _is_native(axis):
        return type(axis.values[0])(chosen)
    return axis.values[_labels(axis).index(chosen)]
