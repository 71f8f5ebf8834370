"""Weights that were learnt in PyTorch, for the same network in Keras."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError, did_you_mean
from kerasclf.models.heads import FEATURES
from kerasclf.models.torch_files import as_float32, read_torch_file
from kerasclf.models.torch_names import family_of

Array = NDArray[Any]
# How many batches were seen, which torch writes beside moving statistics and Keras does not need.
_UNUSED = "num_batches_tracked"
_TOP = re.compile(r"(fc|head\.fc|classifier\.\d)\.weight")


def load_torch_weights(model: keras.Model, path: Path | str) -> None:
    """Gives a network the weights of the same network in PyTorch.

    Every layer must find its tensors and every tensor its layer; otherwise nothing is changed.

    Args:
        model: A network of a family that torchvision or timm have too (ResNet, VGG, AlexNet, SqueezeNet, ConvNeXt),
            with the top and the number of classes of the file.
        path: A .safetensors file, or .pth where PyTorch is installed, with the key names of torchvision or timm.

    Raises:
        KerasclfError: The file cannot be read, or is another network's: the first tensor that is missing, left over, or
            of another shape or dtype is named, with what both sides have.
    """
    path = Path(path).expanduser()
    give_torch_weights(model, read_torch_file(path), path)


def give_torch_weights(model: keras.Model, tensors: dict[str, Array], path: Path) -> None:
    """Gives a network tensors that were read before; see `load_torch_weights`."""
    found = match_torch(model, tensors, path)
    for layer in model.layers:
        if layer.name in found:
            layer.set_weights(found[layer.name])


def match_torch(model: keras.Model, tensors: dict[str, Array], path: Path) -> dict[str, list[Array]]:
    """Returns for each layer that has weights its arrays in Keras' order and layout.

    Args:
        model: The network.
        tensors: By torch's key.
        path: Where they are from, for the messages.

    Raises:
        KerasclfError: Tensors and layers do not belong together.
    """
    names, by_whom = _names(model, tensors)
    found, used = {}, set()
    for layer in model.layers:
        if not layer.weights:
            continue
        keys = _keys(layer, names.get(layer.name, layer.name))
        for key, weight in zip(keys, layer.weights, strict=True):
            if key not in tensors:
                raise KerasclfError(
                    f"{path}: tensor {key!r} is missing ({weight.path} {tuple(weight.shape)} needs it, by the names of "
                    f"{by_whom}).{did_you_mean(key, [name for name in tensors if name not in used])}"
                )
        used |= set(keys)
        turn = _turn(layer, model)
        found[layer.name] = [
            _fit(key, tensors[key], turn, weight, path) for key, weight in zip(keys, layer.weights, strict=True)
        ]
    left = [key for key in tensors if key not in used and not key.endswith(_UNUSED)]
    if left:
        raise KerasclfError(
            f"{path}: tensor {left[0]!r} {tensors[left[0]].shape} belongs to no layer of {model.name}"
            f"{f', nor do {len(left) - 1} others' if len(left) > 1 else ''}. Is it another network's, or one with "
            "another top?"
        )
    return found


def classes_of(tensors: dict[str, Array]) -> int:
    """Returns for how many classes weights were learnt: the width of the last layer of the top; 1000 where none is."""
    tops = sorted(key for key, tensor in tensors.items() if _TOP.fullmatch(key) and tensor.ndim > 1)
    return len(tensors[tops[-1]]) if tops else 1000


def _names(model: keras.Model, tensors: dict[str, Array]) -> tuple[dict[str, str], str]:
    """Returns the naming under which most tensors have a layer, and whose it is."""
    ours = [layer.name for layer in model.layers]
    family = family_of(ours)
    if family is None:
        raise KerasclfError(
            f"{model.name} is no network that torchvision or timm have too; weights in PyTorch's form are known for "
            "ResNet, VGG, AlexNet, SqueezeNet and ConvNeXt."
        )
    parents = {key.rpartition(".")[0] for key in tensors} | set(tensors)
    namings = {by_whom: naming(ours) for by_whom, naming in family.namings.items()}
    best = max(namings, key=lambda by_whom: len(parents.intersection(namings[by_whom].values())))
    return namings[best], best


def _keys(layer: keras.Layer, prefix: str) -> list[str]:
    """Returns torch's keys in the order of a Keras layer's weights."""
    if isinstance(layer, layers.BatchNormalization):
        return [f"{prefix}.{end}" for end in ("weight", "bias", "running_mean", "running_var")]
    return [f"{prefix}.{end}" for end in ("weight", "bias")][: len(layer.weights)]


def _turn(layer: keras.Layer, model: keras.Model) -> Callable[[Array], Array]:
    """Returns how a layer's kernel goes from torch's order of axes, channels first, to Keras'."""
    if isinstance(layer, layers.DepthwiseConv2D):
        return lambda kernel: kernel.transpose(2, 3, 0, 1)
    if isinstance(layer, layers.Conv2D):
        return lambda kernel: kernel.transpose(2, 3, 1, 0)
    if isinstance(layer, layers.Dense):
        shape = _flattened(layer, model)
        return lambda kernel: _dense(kernel, shape)
    return lambda array: array


def _dense(kernel: Array, shape: Sequence[int] | None) -> Array:
    """Turns (out, in), whose inputs torch flattened as channels · height · width, or timm's (out, channels, h, w)."""
    if shape is not None and kernel[0].size == np.prod(shape):
        height, width, channels = shape
        kernel = kernel.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return kernel.reshape(len(kernel), -1).T


def _flattened(layer: keras.Layer, model: keras.Model) -> Sequence[int] | None:
    """Returns the height, width and channels that a dense layer takes flattened; None for another."""
    features = model.get_layer(FEATURES) if FEATURES in [known.name for known in model.layers] else None
    if isinstance(features, layers.Flatten) and len(layer.weights[0].shape) == 2:
        shape = features.input.shape[1:]
        return shape if np.prod(shape) == layer.weights[0].shape[0] else None
    return None


def _fit(key: str, tensor: Array, turn: Callable[[Array], Array], weight: Any, path: Path) -> Array:
    tensor = as_float32(key, tensor, path)
    array = turn(tensor) if tensor.ndim > 1 else tensor
    if array.shape != tuple(weight.shape):
        raise KerasclfError(
            f"{path}: tensor {key!r} has shape {tensor.shape}, in Keras' order of axes {array.shape}; "
            f"{weight.path} expects {tuple(weight.shape)}."
        )
    return array
