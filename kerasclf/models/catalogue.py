"""`CATALOGUE`: the builders of all networks by name."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras

from kerasclf.errors import KerasclfError, unknown
from kerasclf.models.backbones import BACKBONES, backbone
from kerasclf.models.families.alexnet import alexnet
from kerasclf.models.families.basenet import basenet, basenet_deeper
from kerasclf.models.families.convnets import course_cnn, default_conv, simple_cnn
from kerasclf.models.families.convnext import convnext_base, convnext_large, convnext_small, convnext_tiny
from kerasclf.models.families.convnext_ladder import resnet_to_convnext
from kerasclf.models.families.efficientnet_lite import (
    efficientnet_lite0,
    efficientnet_lite1,
    efficientnet_lite2,
    efficientnet_lite3,
    efficientnet_lite4,
)
from kerasclf.models.families.mlp import mlp, perceptron
from kerasclf.models.families.nin import nin
from kerasclf.models.families.resnet import resnet18, resnet34, resnet50, resnet101, resnet152
from kerasclf.models.families.squeezenet import squeezenet1_1
from kerasclf.models.families.vgg import vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn
from kerasclf.models.heads import check_head
from kerasclf.models.own_networks import own_builder, takes_any
from kerasclf.models.saved_networks import saved_builder
from kerasclf.networks.network_checks import HEAD_ARGUMENTS, unknown_network
from kerasclf.networks.network_source import is_own, is_saved

Builder = Callable[..., keras.Model]

CATALOGUE: dict[str, Builder] = {
    "perceptron": perceptron,
    "mlp": mlp,
    "basenet": basenet,
    "basenet_deeper": basenet_deeper,
    "default_conv": default_conv,
    "simple_cnn": simple_cnn,
    "course_cnn": course_cnn,
    "nin": nin,
    "alexnet": alexnet,
    "vgg11": vgg11,
    "vgg13": vgg13,
    "vgg16": vgg16,
    "vgg19": vgg19,
    "vgg11_bn": vgg11_bn,
    "vgg13_bn": vgg13_bn,
    "vgg16_bn": vgg16_bn,
    "vgg19_bn": vgg19_bn,
    "squeezenet1_1": squeezenet1_1,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "resnet152": resnet152,
    "resnet_to_convnext": resnet_to_convnext,
    "convnext_tiny": convnext_tiny,
    "convnext_small": convnext_small,
    "convnext_base": convnext_base,
    "convnext_large": convnext_large,
    "efficientnet_lite0": efficientnet_lite0,
    "efficientnet_lite1": efficientnet_lite1,
    "efficientnet_lite2": efficientnet_lite2,
    "efficientnet_lite3": efficientnet_lite3,
    "efficientnet_lite4": efficientnet_lite4,
    **{name: partial(backbone, name) for name in BACKBONES},
}


def own_arguments(builder: Builder) -> list[str]:
    """Returns the names of a builder's arguments, except for the sizes."""
    parameters = inspect.signature(builder).parameters
    return [argument for argument in parameters if argument not in ("input_shape", "num_classes")]


def find_builder(name: str, source: str | None = None) -> Builder:
    """Returns the builder of a network. A user's own module is run; a user's own file is loaded in safe mode.

    Args:
        name: A key of `CATALOGUE`, `"module:function"`, or a `.keras` file.
        source: SHA-256 that the source of a user's own network must have; None accepts any.

    Raises:
        KerasclfError: If there is no such network, or its source has changed.
    """
    if is_saved(name):
        return saved_builder(name, source)
    if is_own(name):
        return own_builder(name, source)
    if name not in CATALOGUE:
        raise KerasclfError(unknown_network(name, CATALOGUE))
    return CATALOGUE[name]


def check_arguments(name: str, arguments: Mapping[str, Any], source: str | None = None) -> Builder:
    """Checks that a network exists and has these arguments, and returns its builder.

    Args:
        name: As for `find_builder`.
        arguments: Arguments of the builder or of the head, by name.
        source: As for `find_builder`.

    Raises:
        KerasclfError: If the network or an argument is unknown, or the head cannot be built.
    """
    builder = find_builder(name, source)
    own = own_arguments(builder)
    for argument in arguments:
        if argument not in (*own, *HEAD_ARGUMENTS) and not takes_any(builder):
            raise KerasclfError(unknown(f"argument of {name}", argument, [*own, *HEAD_ARGUMENTS]))
    check_head(
        **{
            key: value
            for key, value in arguments.items()
            if key in ("head", "head_activation", "head_dropout", "pooling")
        }
    )
    return builder
