"""A network as its author would describe it: a chain, with branches that come together again."""

from dataclasses import dataclass

import keras

from kerasclf.models.explaining.costs import kernel_sizes
from kerasclf.models.explaining.graph import Step, steps_of
from kerasclf.models.explaining.labels import label


@dataclass(frozen=True)
class Line:
    """A layer.

    Args:
        text: Its kind and settings.
        shape: Shape of its output.
        name: Its name.
        small: Whether it has no kernel and changes no shape, so that it can share the line of another.
        opens: Whether it shares that of the next one alone.
        last_shape: Shape of the last one's output where this line stands for several; as `shape` where empty.
    """

    text: str
    shape: tuple[int, ...]
    name: str
    small: bool
    opens: bool = False
    last_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fork:
    """Branches side by side; one without elements hands on what it gets."""

    branches: "tuple[tuple[Element, ...], ...]"


@dataclass(frozen=True)
class Repeat:
    """Elements that follow each other several times, with the names of the first time."""

    times: int
    body: "tuple[Element, ...]"


Element = Line | Fork | Repeat


def outline(model: keras.Model) -> tuple[Element, ...]:
    """Returns a network's layers in order, with branches gathered; nothing is folded yet.

    Raises:
        KerasclfError: The network is not functional, or uses a layer more than once.
    """
    steps = steps_of(model)
    return _Outline(steps).chain(list(range(len(steps))), _SOURCE, len(steps))


# What the inputs read; what reads the outputs stands after the last step.
_SOURCE = -1


class _Outline:
    """The steps of a network and who reads each of them."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._readers: dict[int, set[int]] = {place: set() for place in range(_SOURCE, len(steps))}
        for place, step in enumerate(steps):
            for read in step.inputs or (_SOURCE,):
                self._readers[read].add(place)
        for readers in self._readers.values():
            readers |= set() if readers else {len(steps)}

    def chain(self, places: list[int], source: int, sink: int) -> tuple[Element, ...]:
        """Describes the places between a source and a sink that read nothing else and that nothing else reads.

        A joint is a place through which all that comes before must pass; what lies between two joints is a fork.
        """
        elements: list[Element] = []
        last, between = source, list[int]()
        furthest = max(self._readers[source] & set(places))
        for place in places:
            if furthest > place:
                between.append(place)
                furthest = max(furthest, *self._readers[place])
                continue
            elements += self._fork(between, last, place, may_skip=True)
            elements.append(self._line(place))
            last, between, furthest = place, [], max(self._readers[place])
        # What leads from the source to the sink directly is a branch beside this chain, not within it.
        return (*elements, *self._fork(between, last, sink, may_skip=last != source))

    def _fork(self, between: list[int], source: int, sink: int, may_skip: bool) -> list[Element]:
        if not between:
            return []
        parts = self._parts(between)
        skips = may_skip and sink in self._readers[source]
        if len(parts) == 1 and not skips:
            return [self._line(place, with_inputs=True) for place in between]
        branches = sorted((self.chain(part, source, sink) for part in parts), key=len, reverse=True)
        return [Fork((*branches, *([()] if skips else [])))]

    def _parts(self, places: list[int]) -> list[list[int]]:
        """Divides places into those that are connected with each other."""
        parts: list[set[int]] = []
        for place in places:
            touched = [part for part in parts if part & set(self._steps[place].inputs)]
            parts = [part for part in parts if part not in touched] + [{place}.union(*touched)]
        return sorted(sorted(part) for part in parts)

    def _line(self, place: int, with_inputs: bool = False) -> Line:
        step = self._steps[place]
        operation = step.operation
        text = label(operation, with_rate=False)
        if with_inputs:
            text += f" ← {', '.join(self._steps[read].operation.name for read in step.inputs)}"
        padding = isinstance(operation, keras.layers.ZeroPadding2D)
        small = padding or (
            self._keeps_shape(step) and not kernel_sizes(operation) and not hasattr(operation, "pool_size")
        )
        return Line(text, step.shape, operation.name, small and not with_inputs, opens=padding)

    def _keeps_shape(self, step: Step) -> bool:
        return len(step.inputs) == 1 and self._steps[step.inputs[0]].shape == step.shape
