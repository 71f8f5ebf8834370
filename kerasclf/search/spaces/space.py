"""Search spaces over experiments: an axis for each field that is to be varied."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.runs.experiment import Experiment
from kerasclf.search.spaces.experiment_fields import change, check_field, read


@dataclass(frozen=True)
class Float:
    """A number from `low` to `high`, both possible.

    Args:
        low: The least.
        high: The greatest.
        log: Whether each power of ten is as likely as another.
        step: Take only `low`, `low + step`, …; with `log`, `low`, `low × step`, ….
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    kind: ClassVar[str] = "float"

    def problems(self) -> list[str]:
        return _range_problems(self, int | float, least_step=1.0 if self.log else 0.0)

    def corners(self) -> list[Any]:
        """Returns values that show what the axis can do."""
        return [float(self.low), float(self.high)]


@dataclass(frozen=True)
class Int:
    """A whole number from `low` to `high`, both possible; the arguments are those of `Float`."""

    low: int
    high: int
    log: bool = False
    step: int | None = None
    kind: ClassVar[str] = "int"

    def problems(self) -> list[str]:
        return _range_problems(self, int, least_step=1 if self.log else 0)

    def corners(self) -> list[Any]:
        """Returns values that show what the axis can do."""
        return [self.low, self.high]


@dataclass(frozen=True, init=False)
class Choice:
    """One of several values: numbers, texts, flags, None, or lists of them."""

    values: tuple[Any, ...]
    kind: ClassVar[str] = "choice"

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", tuple(tuple(v) if isinstance(v, list) else v for v in values))

    def problems(self) -> list[str]:
        if len(self.values) < 2:
            return [f"expected at least two values to choose from. Received: {list(self.values)}."]
        twice = [v for place, v in enumerate(self.values) if _among(v, self.values[:place])]
        return [f"{twice[0]!r} is there twice."] if twice else []

    def corners(self) -> list[Any]:
        """Returns values that show what the axis can do."""
        return list(self.values)


@dataclass(frozen=True)
class Boolean:
    """False or True."""

    kind: ClassVar[str] = "boolean"

    def problems(self) -> list[str]:
        return []

    def corners(self) -> list[Any]:
        """Returns values that show what the axis can do."""
        return [False, True]


Axis = Float | Int | Choice | Boolean
Values = dict[str, Any]


@dataclass(frozen=True)
class Space:
    """The fields of an experiment that a search varies, by dotted name.

    Args:
        axes: Such as `{"train.learning_rate": Float(1e-3, 1e-1, log=True), "model.dropout": Float(0.0, 0.5)}`:
            `train.`, `augmentation.` and `transfer.` begin the fields of these values, `model.` the arguments of the
            network's builder, `earlier_phases.1.` the fields of the first phase; `model` is the network itself.
    """

    axes: Mapping[str, Axis]

    def check(self, experiment: Experiment) -> None:
        """Makes sure that every axis changes something and every combination of two can be used.

        Raises:
            KerasclfError: With everything that is wrong.
        """
        problems = [f"{name}: {problem}" for name, axis in self.axes.items() for problem in axis.problems()]
        if not self.axes:
            problems.append("space: it is empty. Expected at least one axis, such as train.learning_rate.")
        for name in self.axes:
            problems += check_field(experiment, name)
        if not problems and any(value < 1 for value in self._corners("train.epochs")):
            problems.append("train.epochs: expected at least 1.")
        raise_all("The search space cannot be used", problems or list(self._unusable(experiment)))

    def apply(self, experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
        """Returns the experiment with these values in place of its own.

        Raises:
            KerasclfError: They cannot be used together.
        """
        return change(experiment, values)

    def of(self, experiment: Experiment) -> Values:
        """Returns what an experiment has in the place of each axis; None where it leaves it to a default."""
        return {name: read(experiment, name) for name in self.axes}

    def _corners(self, name: str) -> list[Any]:
        return self.axes[name].corners() if name in self.axes else []

    def _unusable(self, experiment: Experiment) -> Iterator[str]:
        """Yields what is wrong with the ends of single axes, and if nothing is, with those of two together."""
        found = False
        for values in self.corners():
            if problem := _problem(experiment, values):
                found = True
                yield problem
        if found:
            return
        for name in self.axes:
            if len({change(experiment, {name: value}) for value in self._corners(name)}) < 2:
                yield f"{name}: the axis changes nothing."
        for one, other in combinations(self.axes, 2):
            pairs = [{one: a, other: b} for a in self._corners(one) for b in self._corners(other)]
            # One example of what does not go together says enough.
            yield from [p for p in (_problem(experiment, values) for values in pairs) if p][:1]

    def corners(self) -> Iterator[Values]:
        """Yields, for each axis, its ends or choices, alone."""
        for name in self.axes:
            yield from ({name: value} for value in self._corners(name))

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types, as a TOML file has them."""
        return {name: axis_to_dict(axis) for name, axis in self.axes.items()}


def axis_to_dict(axis: Axis) -> dict[str, Any]:
    """Returns an axis as plain JSON types."""
    if isinstance(axis, Choice):
        return {"choice": [list(v) if isinstance(v, tuple) else v for v in axis.values]}
    if isinstance(axis, Boolean):
        return {"boolean": True}
    extra = {name: value for name, value in (("log", axis.log), ("step", axis.step)) if value}
    return {axis.kind: [axis.low, axis.high], **extra}


def make_space(space: "Space | Mapping[str, Axis]") -> Space:
    """Returns a space of what users write."""
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
        shown = ", ".join(f"{name} = {value!r}" for name, value in values.items())
        reasons = [line.strip("- ") for line in str(error).splitlines()[1:]] or [str(error)]
        return f"{shown}: {' '.join(dict.fromkeys(reasons))}"
    return None


def _range_problems(axis: Float | Int, numbers: Any, least_step: float) -> list[str]:
    given = (axis.low, axis.high, *([axis.step] if axis.step is not None else []))
    if not all(isinstance(v, numbers) and not isinstance(v, bool) and math.isfinite(v) for v in given):
        return [f"expected {'whole ' if numbers is int else ''}numbers. Received: {', '.join(map(repr, given))}."]
    found = []
    if axis.low == axis.high:
        found.append(f"low and high are both {axis.low}, so that the axis changes nothing.")
    if axis.low > axis.high:
        found.append(f"the bounds are reversed: low is {axis.low}, high is {axis.high}.")
    if axis.log and axis.low <= 0:
        found.append(f"log: expected a lower bound above 0. Received: {axis.low}.")
    if axis.step is not None and not axis.step > least_step:
        found.append(f"step: expected more than {least_step:g}. Received: {axis.step}.")
    return found


def _among(value: Any, others: tuple[Any, ...]) -> bool:
    return any(type(value) is type(other) and value == other for other in others)
