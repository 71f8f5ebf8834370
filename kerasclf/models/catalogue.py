"""The networks by name."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras

from kerasclf.errors import KerasclfError, unknown
from kerasclf.models.alexnet import alexnet
from kerasclf.models.backbones import BACKBONES, backbone
from kerasclf.models.basenet import basenet, basenet_deeper
from kerasclf.models.convnets import course_cnn, default_conv, simple_cnn
from kerasclf.models.heads import check_head
from kerasclf.models.mlp import mlp, perceptron
from kerasclf.models.nin import nin
from kerasclf.models.resnet import RESNETS, resnet
from kerasclf.models.squeezenet import squeezenet1_1
from kerasclf.models.vgg import VGGS, vgg

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
    **{name: partial(vgg, name) for name in VGGS},
    **{f"{name}_bn": partial(vgg, name, batch_norm=True, name=f"{name}_bn") for name in VGGS},
    "squeezenet1_1": squeezenet1_1,
    **{name: partial(resnet, name) for name in RESNETS},
    **{name: partial(backbone, name) for name in BACKBONES},
}

# What `build` gives any network in the place of its own top.
HEAD_ARGUMENTS = ("head", "head_activation", "head_dropout", "head_batch_norm", "pooling")


def check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    """Checks that a network exists and takes these arguments, without building it.

    Raises:
        KerasclfError: There is no such network, or it takes no such argument.
    """
    if name not in CATALOGUE:
        raise KerasclfError(unknown("model", name, CATALOGUE))
    own = [p for p in inspect.signature(CATALOGUE[name]).parameters if p not in ("input_shape", "num_classes")]
    for argument in arguments:
        if argument not in (*own, *HEAD_ARGUMENTS):
            raise KerasclfError(unknown(f"argument of {name}", argument, [*own, *HEAD_ARGUMENTS]))
    check_head(
        **{
            key: value
            for key, value in arguments.items()
            if key in ("head", "head_activation", "head_dropout", "pooling")
        }
    )
