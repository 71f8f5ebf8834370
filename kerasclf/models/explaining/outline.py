"""Outlines a network as a chain of layers with branches that join again."""

from dataclasses import dataclass

import keras

from kerasclf.models.explaining.costs import kernel_sizes
from kerasclf.models.explaining.graph import Step, steps_of
from kerasclf.models.explaining.labels import label


@dataclass(frozen=True)
class Line:
    """One layer, or several equal ones.

    Args:
        text: Kind and settings.
        shape: Shape of the output.
        name: Name of the layer.
        small: Whether the layer can share the line of another: it has no kernel and changes no shape.
        opens: Whether the layer can share only the line of the next one.
        last_shape: Output shape of the last of several layers; empty if it equals `shape`.
    """

    text: str
    shape: tuple[int, ...]
    name: str
    small: bool
    opens: bool = False
    last_shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Fork:
    """Parallel branches. A branch without elements passes on its input."""

    branches: "tuple[tuple[Element, ...], ...]"


@dataclass(frozen=True)
class Repeat:
    """Elements that are repeated several times, with the names of the first time."""

    times: int
    body: "tuple[Element, ...]"


Element = Line | Fork | Repeat


def outline(model: keras.Model) -> tuple[Element, ...]:
    """Returns a network's layers in order, grouped by branches but not yet folded.

    Raises:
        KerasclfError: If the network is not functional, or uses a layer more than once.
    """
    steps = steps_of(model)
    return _Outline(steps).chain(list(range(len(steps))), _SOURCE, len(steps))


# Index of the source that the inputs read. The sink that reads the outputs has the index after the last step.
_SOURCE = -1


class _Outline:
    """The steps of a network, and the steps that read each of them."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._readers: dict[int, set[int]] = {index: set() for index in range(_SOURCE, len(steps))}
        for index, step in enumerate(steps):
            for read in step.inputs or (_SOURCE,):
                self._readers[read].add(index)
        for readers in self._readers.values():
            readers |= set() if readers else {len(steps)}

    def chain(self, steps: list[int], source: int, sink: int) -> tuple[Element, ...]:
        """Returns the elements of the steps between a source and a sink.

        The steps, given by index, must neither read other steps nor be read by others. A joint is a step through which
        all paths from earlier steps lead. The steps between two joints form a fork.
        """
        elements: list[Element] = []
        last, between = source, list[int]()
        furthest = max(self._readers[source] & set(steps))
        for index in steps:
            if furthest > index:
                between.append(index)
                furthest = max(furthest, *self._readers[index])
                continue
            elements += self._fork(between, last, index, may_skip=True)
            elements.append(self._line(index))
            last, between, furthest = index, [], max(self._readers[index])
        # A direct connection from the source to the sink is a branch next to this chain, not within it.
        return (*elements, *self._fork(between, last, sink, may_skip=last != source))

    def _fork(self, between: list[int], source: int, sink: int, may_skip: bool) -> list[Element]:
        if not between:
            return []
        components = self._components(between)
        skips = may_skip and sink in self._readers[source]
        if len(components) == 1 and not skips:
            return [self._line(index, with_inputs=True) for index in between]
        branches = sorted((self.chain(component, source, sink) for component in components), key=len, reverse=True)
        return [Fork((*branches, *([()] if skips else [])))]

    def _components(self, steps: list[int]) -> list[list[int]]:
        """Divides steps into connected components."""
        components: list[set[int]] = []
        for index in steps:
            touched = [component for component in components if component & set(self._steps[index].inputs)]
            components = [component for component in components if component not in touched]
            components.append({index}.union(*touched))
        return sorted(sorted(component) for component in components)

    def _line(self, index: int, with_inputs: bool = False) -> Line:
        step = self._steps[index]
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
