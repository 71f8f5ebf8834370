"""`Space`: the search space of an experiment, with an axis for each field to vary."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any, ClassVar

from kerasclf.errors import KerasclfError, in_short, raise_all
from kerasclf.runs.experiment import Experiment
from kerasclf.search.spaces.experiment_fields import change, check_field, read

_MAX_CHOICES = 500
_MAX_AXES = 50
# Of two axes, this many pairs of values are checked.
_MAX_PAIRS = 200


@dataclass(frozen=True)
class Float:
    """A number from `low` to `high`, both included.

    Args:
        low: Lower bound.
        high: Upper bound.
        log: Whether to sample on a logarithmic scale, where each power of ten is equally likely.
        step: Distance between values: `low`, `low + step`, …. With `log` it is a factor: `low`, `low × step`, ….
            None for any value.

    Example:
        >>> rate = Float(1e-4, 1e-1, log=True)
        >>> rate.corners()
        [0.0001, 0.1]
        >>> Float(0.1, 0.01).problems()
        ['the bounds are reversed: low is 0.1, high is 0.01.']
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    kind: ClassVar[str] = "float"

    def problems(self) -> list[str]:
        return _range_problems(self, int | float, above=1.0 if self.log else 0.0)

    def corners(self) -> list[Any]:
        """Returns the bounds."""
        return [float(self.low), float(self.high)]


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both included. The arguments are those of `Float`."""

    low: int
    high: int
    log: bool = False
    step: int | None = None
    kind: ClassVar[str] = "int"

    def problems(self) -> list[str]:
        return _range_problems(self, int, above=1 if self.log else 0)

    def corners(self) -> list[Any]:
        """Returns the bounds."""
        return [self.low, self.high]


@dataclass(frozen=True, init=False)
class Choice:
    """One of several values: numbers, strings, booleans, None, or lists of them."""

    values: tuple[Any, ...]
    kind: ClassVar[str] = "choice"

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", tuple(tuple(v) if isinstance(v, list) else v for v in values))

    def problems(self) -> list[str]:
        if len(self.values) < 2:
            return [f"expected at least two values to choose from. Received: {in_short(list(self.values))}."]
        if len(self.values) > _MAX_CHOICES:
            return [f"expected at most {_MAX_CHOICES} values to choose from. Received: {len(self.values):,}."]
        wrong = [value for value in self.values if not _is_choice(value)]
        if wrong:
            return [f"expected finite numbers, text, booleans, None or lists of them. Received: {in_short(wrong[0])}."]
        repeated = [v for index, v in enumerate(self.values) if _contains(self.values[:index], v)]
        return [f"expected different values. Received {repeated[0]!r} twice."] if repeated else []

    def corners(self) -> list[Any]:
        """Returns all values."""
        return list(self.values)


@dataclass(frozen=True)
class Boolean:
    """False or True."""

    kind: ClassVar[str] = "boolean"

    def problems(self) -> list[str]:
        return []

    def corners(self) -> list[Any]:
        """Returns both values."""
        return [False, True]


Axis = Float | Int | Choice | Boolean


def is_value_of(axis: Axis, value: Any) -> bool:
    """Returns whether an axis can have a value. A number may lie beyond the bounds, as steps are rounded."""
    if isinstance(axis, Choice):
        return _contains(axis.values, value)
    if isinstance(axis, Boolean):
        return isinstance(value, bool)
    return _is_number(value) and (value > 0 or not axis.log)


Values = dict[str, Any]


@dataclass(frozen=True)
class Space:
    """A search space: the fields of an experiment to vary, by dotted name.

    Args:
        axes: An axis for each name. Names start with `train.`, `augmentation.`, `transfer.`, or `earlier_phases.1.`
            for the first of several phases. `model.` starts an argument of the builder, and `model` is the builder.

    Example:
        >>> from kerasclf import Experiment
        >>> space = Space({"train.learning_rate": Float(1e-4, 1e-1, log=True), "model.dropout": Float(0.0, 0.5)})
        >>> experiment = space.apply(Experiment(), {"train.learning_rate": 0.01, "model.dropout": 0.25})
        >>> experiment.train.learning_rate
        0.01
        >>> dict(experiment.model_args)
        {'dropout': 0.25}
    """

    axes: Mapping[str, Axis]

    def check(self, experiment: Experiment) -> None:
        """Checks that each axis changes the experiment, and that each value and each pair of values can be used.

        Raises:
            KerasclfError: If something cannot be used; the message lists all problems.
        """
        problems = [f"axis {name}: {problem}" for name, axis in self.axes.items() for problem in axis.problems()]
        if not self.axes:
            problems.append("space: expected at least one axis, such as train.learning_rate. Received: none.")
        if len(self.axes) > _MAX_AXES:
            problems.append(f"space: expected at most {_MAX_AXES} axes. Received: {len(self.axes)}.")
        for name in self.axes:
            problems += check_field(experiment, name)
        epochs = [value for value in self._corners("train.epochs") if isinstance(value, int)]
        if not problems and any(value < 1 for value in epochs):
            problems.append("axis train.epochs: expected at least 1.")
        raise_all("The search space cannot be used", problems or list(self._unusable(experiment)))

    def apply(self, experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
        """Returns the experiment with these values.

        Raises:
            KerasclfError: If the values cannot be used together.
        """
        return change(experiment, values)

    def of(self, experiment: Experiment) -> Values:
        """Returns the experiment's own value for each axis; None for a model argument that is not given."""
        return {name: read(experiment, name) for name in self.axes}

    def with_last(self, name: str) -> "Space":
        """Returns the space with one of its axes moved to the end, or unchanged if it has no such axis."""
        others = {other: axis for other, axis in self.axes.items() if other != name}
        return Space({**others, name: self.axes[name]}) if name in self.axes else self

    def _corners(self, name: str) -> list[Any]:
        return self.axes[name].corners() if name in self.axes else []

    def _unusable(self, experiment: Experiment) -> Iterator[str]:
        """Yields the problems of single values; if there are none, those of axes without effect and of pairs."""
        valid = True
        for values in self.corners():
            if problem := _problem(experiment, values):
                valid = False
                yield problem
        if not valid:
            return
        for name in self.axes:
            if len({change(experiment, {name: value}).digest() for value in self._corners(name)}) < 2:
                yield f"axis {name}: all its values give the same experiment. Remove the axis."
        for one, other in combinations(self.axes, 2):
            pairs = ({one: a, other: b} for a in self._corners(one) for b in self._corners(other))
            found = (_problem(experiment, values) for values in islice(pairs, _MAX_PAIRS))
            # One example per pair of axes is enough.
            yield from islice((problem for problem in found if problem), 1)

    def corners(self) -> Iterator[Values]:
        """Yields the bounds or choices of each axis, one at a time."""
        for name in self.axes:
            yield from ({name: value} for value in self._corners(name))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types, in the form of a TOML file."""
        return {name: axis_to_dict(axis) for name, axis in self.axes.items()}


def axis_to_dict(axis: Axis) -> dict[str, Any]:
    """Returns an axis as plain JSON types."""
    if isinstance(axis, Choice):
        return {"choice": [list(v) if isinstance(v, tuple) else v for v in axis.values]}
    if isinstance(axis, Boolean):
        return {"boolean": True}
    log = {"log": True} if axis.log else {}
    step = {} if axis.step is None else {"step": axis.step}
    return {axis.kind: [axis.low, axis.high], **log, **step}


def make_space(space: "Space | Mapping[str, Axis]") -> Space:
    """Returns a space from a space or a mapping of axes.

    Raises:
        KerasclfError: If an axis is of another type.
    """
    if isinstance(space, Space):
        return space
    wrong = [f"{name}: {axis!r}" for name, axis in space.items() if not isinstance(axis, Axis)]
    if wrong:
        raise KerasclfError(f"Expected Float, Int, Choice or Boolean for each axis. Received: {'; '.join(wrong)}.")
    return Space(dict(space))


def _problem(experiment: Experiment, values: Values) -> str | None:
    try:
        change(experiment, values)
    except KerasclfError as error:
        assignments = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        reasons = [line.strip("- ") for line in str(error).splitlines()[1:]] or [str(error)]
        return f"{assignments}: {' '.join(dict.fromkeys(reasons))}"
    return None


def _range_problems(axis: Float | Int, numbers: Any, above: float) -> list[str]:
    given = (axis.low, axis.high, *([axis.step] if axis.step is not None else []))
    if not all(isinstance(v, numbers) and _is_number(v) for v in given):
        return [f"expected {'whole ' if numbers is int else ''}numbers. Received: {', '.join(map(in_short, given))}."]
    problems = []
    if axis.low == axis.high:
        problems.append(f"expected different bounds. Received {axis.low} for both.")
    if axis.low > axis.high:
        problems.append(f"the bounds are reversed: low is {axis.low}, high is {axis.high}.")
    if axis.log and axis.low <= 0:
        problems.append(f"log: expected a lower bound above 0. Received: {axis.low}.")
    if axis.step is not None and not axis.step > above:
        problems.append(f"step: expected more than {above:g}. Received: {axis.step}.")
    return problems


def _is_number(value: Any) -> bool:
    """Returns whether a value is a finite number that fits into 64 bits."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and (isinstance(value, float) or abs(value) < 2**63) and math.isfinite(value)


def _is_choice(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_choice, value))
    return value is None or isinstance(value, bool | str) or _is_number(value)


def _contains(values: tuple[Any, ...], value: Any) -> bool:
    return any(type(value) is type(other) and value == other for other in values)
