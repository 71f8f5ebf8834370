"""Loads PyTorch's weights into the same network in Keras."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError, did_you_mean
from kerasclf.files.home_folders import expanded
from kerasclf.models.heads import FEATURES
from kerasclf.models.weights.torch_files import as_float32, read_torch_file
from kerasclf.models.weights.torch_names import family_of

Array = NDArray[Any]
# PyTorch's number of batches, stored with the moving statistics; Keras does not use it.
_UNUSED = "num_batches_tracked"
# Tensors without ".weight" in their name: layer scale.
_BARE = ("layer_scale", "gamma")
# More would be no classes but a file that lies about its shapes.
_MAX_CLASSES = 100_000
_TOP = re.compile(r"(fc|head\.fc|classifier(\.\d)?)\.weight")


def load_torch_weights(model: keras.Model, path: Path | str) -> None:
    """Loads the weights of the same network in PyTorch.

    Each layer must have its tensors and each tensor its layer. Otherwise the network is not changed.

    Args:
        model: A network of a family in torchvision or timm (ResNet, VGG, AlexNet, SqueezeNet, ConvNeXt,
            EfficientNet-Lite), with the top and the number of classes of the file.
        path: A .safetensors file, or .pth if PyTorch is installed, with the key names of torchvision or timm.

    Raises:
        KerasclfError: If the file cannot be read or belongs to another network. The message names the first tensor that
            is missing, unused, or of another shape or dtype, with the expected and received values.
    """
    path = expanded(path)
    give_torch_weights(model, read_torch_file(path), path)


def give_torch_weights(model: keras.Model, tensors: dict[str, Array], path: Path) -> None:
    """Loads tensors that were read earlier; see `load_torch_weights`."""
    found = match_torch(model, tensors, path)
    for layer in model.layers:
        if layer.name in found:
            layer.set_weights(found[layer.name])


def match_torch(model: keras.Model, tensors: dict[str, Array], path: Path) -> dict[str, list[Array]]:
    """Returns the arrays of each layer with weights, in Keras' order and layout.

    Args:
        model: The network.
        tensors: PyTorch's tensors by key.
        path: Their file, for the messages.

    Raises:
        KerasclfError: If tensors and layers do not match.
    """
    names, library = _names(model, tensors)
    layers_of_model = [layer for layer in model.layers if layer.weights]
    keys_of = {layer.name: _keys(layer, names.get(layer.name, layer.name)) for layer in layers_of_model}
    used = {key for keys in keys_of.values() for key in keys}
    unused = [key for key in tensors if key not in used and not key.endswith(_UNUSED)]
    found = {}
    for layer in layers_of_model:
        keys = keys_of[layer.name]
        for key, weight in zip(keys, layer.weights, strict=True):
            if key not in tensors:
                raise KerasclfError(
                    f"{path}: tensor {key!r} is missing ({weight.path} {tuple(weight.shape)} needs it, by the names of "
                    f"{library}).{did_you_mean(key, unused)}"
                )
        conversions = [_conversion(layer, model), *[lambda array: array] * (len(keys) - 1)]  # the kernel comes first
        found[layer.name] = [
            _convert(key, tensors[key], conversion, weight, path)
            for key, conversion, weight in zip(keys, conversions, layer.weights, strict=True)
        ]
    if unused:
        others = f", like {len(unused) - 1} others" if len(unused) > 1 else ""
        raise KerasclfError(
            f"{path}: tensor {unused[0]!r} {tensors[unused[0]].shape} belongs to no layer of {model.name}{others}. "
            "Check that the file is of this network, with the same top."
        )
    return found


def classes_of(tensors: dict[str, Array]) -> int:
    """Returns the number of classes of weights: the width of the last layer of the top, or 1000 without top."""
    tops = sorted(key for key, tensor in tensors.items() if _TOP.fullmatch(key) and tensor.ndim > 1)
    classes = len(tensors[tops[-1]]) if tops else 1000
    if not 1 <= classes <= _MAX_CLASSES or (tops and not tensors[tops[-1]].size):
        raise KerasclfError(f"Expected weights of 1 to {_MAX_CLASSES:,} classes. Received: {classes:,} in {tops[-1]}.")
    return classes


def _names(model: keras.Model, tensors: dict[str, Array]) -> tuple[dict[str, str], str]:
    """Returns the naming under which most tensors have a layer, and the name of its library."""
    ours = [layer.name for layer in model.layers]
    family = family_of(ours)
    if family is None:
        raise KerasclfError(
            "Expected a network that torchvision or timm has too: ResNet, VGG, AlexNet, SqueezeNet, ConvNeXt or "
            f"EfficientNet-Lite. Received: {model.name}."
        )
    parents = {key.rpartition(".")[0] for key in tensors} | set(tensors)
    namings = {library: naming(ours) for library, naming in family.namings.items()}
    best = max(namings, key=lambda library: len(parents.intersection(namings[library].values())))
    return namings[best], best


def _keys(layer: keras.Layer, prefix: str) -> list[str]:
    """Returns PyTorch's keys in the order of a Keras layer's weights."""
    if isinstance(layer, layers.BatchNormalization):
        return [f"{prefix}.{end}" for end in ("weight", "bias", "running_mean", "running_var")]
    if prefix.endswith(_BARE):
        return [prefix]
    return [f"{prefix}.{end}" for end in ("weight", "bias")][: len(layer.weights)]


def _conversion(layer: keras.Layer, model: keras.Model) -> Callable[[Array], Array]:
    """Returns the function that converts a layer's kernel from PyTorch's order of axes to Keras'."""
    if isinstance(layer, layers.DepthwiseConv2D):
        # PyTorch's layer scale has shape (channels, 1, 1) or (channels,).
        return lambda kernel: _four_axes(kernel).transpose(2, 3, 0, 1)
    if isinstance(layer, layers.Conv2D):
        # PyTorch's dense layer on each pixel, of shape (out, in), is a 1×1 convolution here.
        return lambda kernel: _four_axes(kernel).transpose(2, 3, 1, 0)
    if isinstance(layer, layers.Dense):
        shape = _flattened(layer, model)
        return lambda kernel: _dense(kernel, shape)
    return lambda array: array


def _four_axes(kernel: Array) -> Array:
    if kernel.ndim == 4:
        return kernel
    return kernel.reshape(len(kernel), -1, 1, 1)


def _dense(kernel: Array, shape: Sequence[int] | None) -> Array:
    """Converts a kernel of shape (out, channels · height · width), or timm's (out, channels, height, width)."""
    if shape is not None and kernel[0].size == np.prod(shape):
        height, width, channels = shape
        kernel = kernel.reshape(-1, channels, height, width).transpose(0, 2, 3, 1)
    return kernel.reshape(len(kernel), -1).T


def _flattened(layer: keras.Layer, model: keras.Model) -> Sequence[int] | None:
    """Returns the height, width and channels of the feature map that a dense layer takes flattened, or None."""
    features = model.get_layer(FEATURES) if FEATURES in [known.name for known in model.layers] else None
    if isinstance(features, layers.Flatten) and len(layer.weights[0].shape) == 2:
        shape = features.input.shape[1:]
        return shape if np.prod(shape) == layer.weights[0].shape[0] else None
    return None


def _convert(key: str, tensor: Array, conversion: Callable[[Array], Array], weight: Any, path: Path) -> Array:
    tensor = as_float32(key, tensor, path)
    try:
        array = conversion(tensor)
    except (ValueError, TypeError, IndexError):  # it has no value, or another number of axes
        array = tensor
    if array.shape != tuple(weight.shape):
        raise KerasclfError(
            f"{path}: tensor {key!r}: expected shape {tuple(weight.shape)} for {weight.path}. Received: {array.shape} "
            f"in Keras' order of axes, {tensor.shape} in the file."
        )
    return array
