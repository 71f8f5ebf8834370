"""The points of a grid."""

import itertools
import math
from collections.abc import Iterator
from typing import Any

from kerasclf.search.spaces.space import Float, Space, Values


def axis_values(hp: Any) -> list[Any]:
    """Returns the values of a KerasTuner hyperparameter in the order of KerasTuner's grid: the default comes first."""
    values = list(hp.values)
    return [hp.default, *(value for value in values if value != hp.default)]


def grid_problems(space: Space) -> list[str]:
    """Returns the axes that have no single values."""
    return [
        f"axis {name}: a grid needs single values. Give a step, or choices."
        for name, axis in space.axes.items()
        if isinstance(axis, Float) and axis.step is None
    ]


def grid_size(space: Space) -> int:
    """Returns the number of points. Needs KerasTuner."""
    from kerasclf.search.spaces.hyperparameters import to_hyperparameters

    return math.prod(len(axis_values(hp)) for hp in to_hyperparameters(space).space)


def grid_points(space: Space) -> Iterator[Values]:
    """Yields the points in the order of KerasTuner's trials: the last axis changes first. Needs KerasTuner."""
    from kerasclf.search.spaces.hyperparameters import from_values, to_hyperparameters

    for values in itertools.product(*map(axis_values, to_hyperparameters(space).space)):
        yield from_values(space, dict(zip(space.axes, values, strict=True)))
