"""A network as a graph: what it computes, step by step, and from which steps before."""

import math
from typing import Any, NamedTuple

import keras

from kerasclf.errors import KerasclfError


class Step(NamedTuple):
    """A layer, or an operation between layers such as an addition.

    Args:
        operation: The layer or operation itself.
        inputs: Places in the list of steps of what it reads; empty for the network's input.
        shape: Shape of its output without the batch axis.
        dtype: Type of its output.
    """

    operation: Any
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str

    @property
    def values(self) -> int:
        """How many numbers the output has for one image."""
        return math.prod(self.shape)


def steps_of(model: keras.Model) -> list[Step]:
    """Returns the steps of a functional network, each after those that it reads.

    Raises:
        KerasclfError: The network is not built, or a layer is used more than once.
    """
    steps: list[Step] = []
    place_of: dict[int, int] = {}
    # A Sequential has layers alone.
    for place, operation in enumerate(getattr(model, "operations", None) or model.layers):
        try:
            output, read = operation.output, [] if isinstance(operation, keras.layers.InputLayer) else operation.input
        except (AttributeError, ValueError) as error:
            raise KerasclfError(
                f"{model.name} cannot be explained: expected a functional network that is built and uses each layer "
                f"once. Received: the layer {operation.name!r}, whose output is not known or not the only one."
            ) from error
        inputs = tuple(place_of[id(tensor)] for tensor in keras.tree.flatten(read) if id(tensor) in place_of)
        outputs = keras.tree.flatten(output)
        steps.append(Step(operation, inputs, tuple(outputs[0].shape[1:]), outputs[0].dtype))
        place_of |= {id(tensor): place for tensor in outputs}
    return steps


def is_network(operation: Any) -> bool:
    """Returns whether a step is itself a network of layers, such as a Sequential within another model."""
    return isinstance(operation, keras.Model) and bool(operation.layers)
