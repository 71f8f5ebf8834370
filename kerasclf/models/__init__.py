"""Builders: functions from sizes to an uncompiled functional model, and the catalogue that lists them."""

from kerasclf.models.backbones import BACKBONES
from kerasclf.models.basenet import basenet, basenet_deeper
from kerasclf.models.catalogue import CATALOGUE, Builder, build, check_arguments
from kerasclf.models.diagram import check_diagram, write_diagram
from kerasclf.models.drawing import draw
from kerasclf.models.entries import default_sizes, description, least_input_size
from kerasclf.models.explain import LayerRow, Totals, explain, totals
from kerasclf.models.receptive_field import ReceptiveField
from kerasclf.models.weights import find_pretrained, load_pretrained

__all__ = [
    "BACKBONES",
    "CATALOGUE",
    "Builder",
    "LayerRow",
    "ReceptiveField",
    "Totals",
    "basenet",
    "basenet_deeper",
    "build",
    "check_arguments",
    "check_diagram",
    "default_sizes",
    "description",
    "draw",
    "explain",
    "find_pretrained",
    "least_input_size",
    "load_pretrained",
    "totals",
    "write_diagram",
]
