"""Builders of uncompiled functional models, and the catalogue that lists them by name."""

from kerasclf.models.backbones import BACKBONES
from kerasclf.models.build import build
from kerasclf.models.catalogue import CATALOGUE, Builder, check_arguments, find_builder
from kerasclf.models.explaining.diagram import check_diagram, write_diagram
from kerasclf.models.explaining.drawing import draw
from kerasclf.models.explaining.entries import default_sizes, description, least_input_size
from kerasclf.models.explaining.receptive_field import ReceptiveField
from kerasclf.models.explaining.rows import LayerRow, Totals, explain, totals
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
from kerasclf.models.heads import attach_head
from kerasclf.models.saved_networks import takes_raw_pixels
from kerasclf.models.weights.pretrained import default_weights, find_pretrained, load_pretrained
from kerasclf.models.weights.published import PUBLISHED, photograph_layers
from kerasclf.models.weights.torch_weights import load_torch_weights

__all__ = [
    "BACKBONES",
    "CATALOGUE",
    "PUBLISHED",
    "Builder",
    "LayerRow",
    "ReceptiveField",
    "Totals",
    "alexnet",
    "attach_head",
    "basenet",
    "basenet_deeper",
    "build",
    "check_arguments",
    "check_diagram",
    "convnext_base",
    "convnext_large",
    "convnext_small",
    "convnext_tiny",
    "course_cnn",
    "default_conv",
    "default_sizes",
    "default_weights",
    "description",
    "draw",
    "efficientnet_lite0",
    "efficientnet_lite1",
    "efficientnet_lite2",
    "efficientnet_lite3",
    "efficientnet_lite4",
    "explain",
    "find_builder",
    "find_pretrained",
    "least_input_size",
    "load_pretrained",
    "load_torch_weights",
    "mlp",
    "nin",
    "perceptron",
    "photograph_layers",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet_to_convnext",
    "simple_cnn",
    "squeezenet1_1",
    "takes_raw_pixels",
    "totals",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "write_diagram",
]
