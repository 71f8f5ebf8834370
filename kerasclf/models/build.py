"""`build`: builds a network of the catalogue, with its own top or a new head, and random or pretrained weights."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasclf.models.catalogue import CATALOGUE, check_arguments
from kerasclf.models.heads import attach_head
from kerasclf.models.weights.pretrained import load_pretrained
from kerasclf.network_checks import HEAD_ARGUMENTS


def build(
    name: str,
    input_shape: tuple[int, ...],
    num_classes: int,
    arguments: Mapping[str, Any] | None = None,
    weights: str = "none",
) -> keras.Model:
    """Builds a network of the catalogue, with its own top or a new head.

    Args:
        name: A key of `CATALOGUE`.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        arguments: Further arguments of the builder, and `head`, `head_activation`, `head_dropout`, `head_batch_norm`
            and `pooling` of `attach_head`. Any of the latter gives the network a new head.
        weights: As for `load_pretrained`. With its own top, the network needs as many classes as the weights have.
            A new head starts from random weights.

    Returns:
        The uncompiled model, in the precision of Keras' current policy.

    Raises:
        KerasclfError: If the network, an argument or a size cannot be used, or if the weights are not available.

    Example:
        >>> from kerasclf.models import build
        >>> model = build("resnet18", (32, 32, 3), 10, {"stem": "3x3", "head": (128,)})
        >>> model.output_shape, [layer.name for layer in model.layers[-4:]]
        ((None, 10), ['head1_dense', 'head1_activation', 'logits', 'predictions'])
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
