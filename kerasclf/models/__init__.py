"""Builders: functions from sizes to an uncompiled functional model, and the catalogue that lists them."""

from kerasclf.models.backbones import BACKBONES
from kerasclf.models.basenet import basenet, basenet_deeper
from kerasclf.models.catalogue import CATALOGUE, Builder, build, check_arguments
from kerasclf.models.explain import LayerRow, explain, least_input_size
from kerasclf.models.weights import find_pretrained, load_pretrained

__all__ = [
    "BACKBONES",
    "CATALOGUE",
    "Builder",
    "LayerRow",
    "basenet",
    "basenet_deeper",
    "build",
    "check_arguments",
    "explain",
    "find_pretrained",
    "least_input_size",
    "load_pretrained",
]
