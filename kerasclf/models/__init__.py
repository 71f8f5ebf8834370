"""Builders: functions from sizes to an uncompiled functional model, and the catalogue that lists them."""

from kerasclf.models.alexnet import alexnet
from kerasclf.models.backbones import BACKBONES
from kerasclf.models.basenet import basenet, basenet_deeper
from kerasclf.models.build import build
from kerasclf.models.catalogue import CATALOGUE, Builder, check_arguments
from kerasclf.models.convnets import course_cnn, default_conv, simple_cnn
from kerasclf.models.explain import LayerRow, explain, least_input_size
from kerasclf.models.heads import attach_head
from kerasclf.models.mlp import mlp, perceptron
from kerasclf.models.nin import nin
from kerasclf.models.published import PUBLISHED, photograph_layers
from kerasclf.models.squeezenet import squeezenet1_1
from kerasclf.models.torch_weights import load_torch_weights
from kerasclf.models.weights import find_pretrained, load_pretrained

__all__ = [
    "BACKBONES",
    "CATALOGUE",
    "PUBLISHED",
    "Builder",
    "LayerRow",
    "alexnet",
    "attach_head",
    "basenet",
    "basenet_deeper",
    "build",
    "check_arguments",
    "course_cnn",
    "default_conv",
    "explain",
    "find_pretrained",
    "least_input_size",
    "load_pretrained",
    "load_torch_weights",
    "mlp",
    "nin",
    "perceptron",
    "photograph_layers",
    "simple_cnn",
    "squeezenet1_1",
]
