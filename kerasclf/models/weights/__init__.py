"""Pretrained weights from Keras and PyTorch, downloaded or from a file."""

from kerasclf.models.weights.pretrained import find_pretrained, load_pretrained, pretrained_layers
from kerasclf.models.weights.published import PUBLISHED, photograph_layers
from kerasclf.models.weights.torch_weights import load_torch_weights

__all__ = [
    "PUBLISHED",
    "find_pretrained",
    "load_pretrained",
    "load_torch_weights",
    "photograph_layers",
    "pretrained_layers",
]
