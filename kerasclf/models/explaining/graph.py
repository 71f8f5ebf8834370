"""The graph of a network: its steps, and the earlier steps that each one reads."""

import math
from typing import Any, NamedTuple

import keras

from kerasclf.errors import KerasclfError


class Step(NamedTuple):
    """A layer, or an operation between layers such as an addition.

    Args:
        operation: The layer or operation.
        inputs: Indices of the steps that it reads; empty for the network's input.
        shape: Shape of its output without the batch axis.
        dtype: Type of its output.
    """

    operation: Any
    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    dtype: str

    @property
    def values(self) -> int:
        """Number of values in the output for one image."""
        return math.prod(self.shape)


def steps_of(model: keras.Model) -> list[Step]:
    """Returns the steps of a functional network, each after those that it reads.

    Raises:
        KerasclfError: If the network is not functional, uses a layer more than once or leaves sizes open.
    """
    steps: list[Step] = []
    # id of a tensor → index of the step that computes it; None for the network's inputs.
    index_of: dict[int, int | None] = {id(tensor): None for tensor in model.inputs}
    # A Sequential has only layers.
    for operation in getattr(model, "operations", None) or model.layers:
        given = isinstance(operation, keras.layers.InputLayer)
        read = [] if given else [id(tensor) for tensor in keras.tree.flatten(operation.input)]
        if not index_of.keys() >= set(read):
            raise _used_twice(model)
        outputs = keras.tree.flatten(operation.output)
        inputs = tuple(index for tensor in read if (index := index_of[tensor]) is not None)
        index_of |= {id(tensor): len(steps) for tensor in outputs}
        steps.append(Step(operation, inputs, tuple(outputs[0].shape[1:]), outputs[0].dtype))
    if not index_of.keys() >= {id(tensor) for tensor in model.outputs}:
        raise _used_twice(model)
    if unknown := next((step for step in steps if None in step.shape), None):
        raise KerasclfError(
            f"{model.name} cannot be explained: expected a network with known sizes. Received: the layer "
            f"{unknown.operation.name!r} of shape {unknown.shape}."
        )
    return steps


def _used_twice(model: keras.Model) -> KerasclfError:
    return KerasclfError(
        f"{model.name} cannot be explained: expected a functional network that uses each of its layers once. Received: "
        "one in which a layer is used again, in the same or in another network."
    )


def has_inner_layers(operation: Any) -> bool:
    """Returns whether an operation is itself a network, such as a Sequential within another model."""
    return isinstance(operation, keras.Model) and bool(operation.layers)
