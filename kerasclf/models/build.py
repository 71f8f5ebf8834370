"""Builds a network of the catalogue, with its own top or with a new head, with random or pretrained weights."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasclf.models.catalogue import CATALOGUE, HEAD_ARGUMENTS, check_arguments
from kerasclf.models.heads import attach_head
from kerasclf.models.weights import load_pretrained


def build(
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    arguments: Mapping[str, Any] | None = None,
    weights: str = "none",
) -> keras.Model:
    """Builds a network of the catalogue, with its own top or with a new head.

    Args:
        name: A key of `CATALOGUE`.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        arguments: What else the builder takes; and `head`, `head_activation`, `head_dropout`, `head_batch_norm` and
            `pooling` as `attach_head` takes them: any of these gives the network a new head.
        weights: As `load_pretrained` takes them. With its own top the network must have as many classes as they were
            learnt for; a new head begins at random.

    Returns:
        The uncompiled model, with whatever precision is Keras' present policy.

    Raises:
        KerasclfError: There is no such network, or it takes no such argument or size, or the weights
            cannot be had.
    """
    arguments = dict(arguments or {})
    check_arguments(name, arguments)
    head = {argument: arguments.pop(argument) for argument in HEAD_ARGUMENTS if argument in arguments}
    if head:
        network = _with_head(name, input_shape, num_classes, arguments, head)
    else:
        network = CATALOGUE[name](input_shape=input_shape, num_classes=num_classes, **arguments)
    load_pretrained(network, name, weights, top=not head)
    return network


def _with_head(
    name: str, input_shape: tuple[int, ...], num_classes: int, arguments: dict[str, Any], head: dict[str, Any]
) -> keras.Model:
    activation = arguments.pop("classifier_activation", "softmax")
    below = CATALOGUE[name](input_shape=input_shape, num_classes=num_classes, **arguments, include_top=False)
    output = attach_head(below.output, num_classes, activation, **head)
    return keras.Model(below.input, output, name=below.name)
