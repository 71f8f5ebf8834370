"""The networks by name."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras

from kerasclf.errors import KerasclfError, unknown
from kerasclf.models.backbones import BACKBONES, backbone
from kerasclf.models.basenet import basenet, basenet_deeper
from kerasclf.models.convnext import convnext_base, convnext_large, convnext_small, convnext_tiny
from kerasclf.models.convnext_ladder import resnet_to_convnext

Builder = Callable[..., keras.Model]

CATALOGUE: dict[str, Builder] = {
    "basenet": basenet,
    "basenet_deeper": basenet_deeper,
    **{name: partial(backbone, name) for name in BACKBONES},
    "convnext_tiny": convnext_tiny,
    "convnext_small": convnext_small,
    "convnext_base": convnext_base,
    "convnext_large": convnext_large,
    "resnet_to_convnext": resnet_to_convnext,
}


def build(
    name: str, input_shape: tuple[int, int, int], num_classes: int, arguments: Mapping[str, Any] | None = None
) -> keras.Model:
    """Builds a network of the catalogue.

    Args:
        name: A key of `CATALOGUE`.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        arguments: What else the builder takes.

    Returns:
        The uncompiled model, with whatever precision is Keras' present policy.

    Raises:
        KerasclfError: There is no such network, or it takes no such argument or size.
    """
    check_arguments(name, arguments or {})
    return CATALOGUE[name](input_shape=input_shape, num_classes=num_classes, **(arguments or {}))


def check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    """Checks that a network exists and takes these arguments, without building it.

    Raises:
        KerasclfError: There is no such network, or it takes no such argument.
    """
    if name not in CATALOGUE:
        raise KerasclfError(unknown("model", name, CATALOGUE))
    known = [p for p in inspect.signature(CATALOGUE[name]).parameters if p not in ("input_shape", "num_classes")]
    for argument in arguments:
        if argument not in known:
            raise KerasclfError(unknown(f"argument of {name}", argument, known))
