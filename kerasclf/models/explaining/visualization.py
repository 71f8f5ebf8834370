"""Visualizations of a trained network: kernels, feature maps, and Grad-CAM."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError, unknown
from kerasclf.models.explaining.rows import explain

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
# These layers only reduce the maps of the layer before.
_REDUCING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.layers.Dropout)
# Probabilities are clipped here before their logarithm replaces missing logits.
_MIN_PROBABILITY = 1e-7


class Kernels(NamedTuple):
    """Kernels of a convolution.

    Args:
        layer: Name of the convolution.
        values: float32 of shape (height, width, input channels, output channels).
    """

    layer: str
    values: NDArray[np.float32]


class FeatureMaps(NamedTuple):
    """Output of a convolution for an image, before an activation in a separate layer.

    Args:
        layer: Name of the convolution.
        maps: float32 of shape (height, width, channels).
        arithmetic: (W − F + 2P)/S + 1 with the layer's numbers; empty if the network cannot be explained.
    """

    layer: str
    maps: NDArray[np.float32]
    arithmetic: str


class Attention(NamedTuple):
    """Positions on which a network bases a class.

    Args:
        label: Index of the class.
        probability: Predicted probability of the class.
        layer: Name of the layer that outputs the weighted maps.
        heat: Importance of each position, float32 of shape (height, width), from 0 to 1; all 0 if no position supports
            the class.
    """

    label: int
    probability: float
    layer: str
    heat: NDArray[np.float32]


def kernels(model: keras.Model) -> Kernels:
    """Returns the kernels of a model's first convolution.

    Raises:
        KerasclfError: If the model has no convolution.
    """
    layer = _convolutions(_divide(model)[1])[0]
    found = layer.depthwise_kernel if hasattr(layer, "depthwise_kernel") else layer.kernel
    return Kernels(layer.name, np.asarray(keras.ops.convert_to_numpy(found), np.float32))


def feature_maps(model: keras.Model, image: NDArray[Any], layers: Sequence[str] = ()) -> list[FeatureMaps]:
    """Returns the output of a model's convolutions for an image, in order.

    Args:
        model: A run's model, or any functional model of images.
        image: Input of the model, of shape (height, width, channels).
        layers: Names of convolutions; empty for all.

    Raises:
        KerasclfError: If the model has no convolution, or none of a given name.
    """
    front, network = _divide(model)
    known = {layer.name: layer for layer in _convolutions(network)}
    for name in layers:
        if name not in known:
            raise KerasclfError(unknown("convolution", name, known))
    chosen = [layer for name, layer in known.items() if not layers or name in layers]
    outputs = keras.Model(network.inputs[0], [layer.output for layer in chosen])(front(image[None]), training=False)
    arithmetic = _arithmetic(network)
    maps = [np.asarray(keras.ops.convert_to_numpy(found), np.float32) for found in _as_list(outputs)]
    return [
        FeatureMaps(layer.name, found[0], arithmetic.get(layer.name, ""))
        for layer, found in zip(chosen, maps, strict=True)
    ]


def grad_cam(model: keras.Model, image: NDArray[Any], label: int | None = None) -> Attention:
    """Returns the positions of an image that support a class: Grad-CAM (Selvaraju et al. 2017).

    The heat map sums the maps of the last layer with several positions. Each value is weighted by its gradient of the
    class's logit (HiResCAM, Draelos and Carin 2020, arXiv:2011.08891). If the maps are averaged before the classifier,
    all positions have the same weight, and the result is Grad-CAM. If they are flattened, Grad-CAM's mean weight would
    mix positions and often show nothing.

    Args:
        model: A run's model, or any functional model from images to probabilities.
        image: Input of the model, of shape (height, width, channels).
        label: Index of the class; None for the most likely one.

    Raises:
        KerasclfError: If the model has no convolution, or the class does not exist.
    """
    front, network = _divide(model)
    _convolutions(network)  # raises an error if there is none
    probabilities = np.asarray(keras.ops.convert_to_numpy(model(image[None], training=False)), np.float64)[0]
    if label is None:
        label = int(probabilities.argmax())
    if not 0 <= label < len(probabilities):
        raise KerasclfError(f"label: expected 0 to {len(probabilities) - 1}. Received: {label}.")
    layer = _last_map_layer(network)
    both = keras.Model(network.inputs[0], [layer.output, _logits(network)])
    with tf.GradientTape() as tape:
        maps, logits = both(front(image[None]), training=False)
        score = tf.cast(logits, tf.float32)[0, label]
    gradients = tf.cast(tape.gradient(score, maps), tf.float32)
    heat = np.asarray(tf.nn.relu(tf.reduce_sum(gradients * tf.cast(maps, tf.float32), axis=-1)))[0]
    return Attention(label, float(probabilities[label]), layer.name, heat / (heat.max() or 1.0))


def _arithmetic(network: keras.Model) -> dict[str, str]:
    try:
        return {row.name: row.arithmetic for row in explain(network)}
    except KerasclfError:  # maps can be shown even if the network cannot be explained
        return {}


def _divide(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Returns the layers before the network (a run's normalisation) as a model, and the network itself."""
    for index, layer in enumerate(model.layers):
        if isinstance(layer, keras.Model) and index and len(layer.inputs) == 1:
            return keras.Model(model.inputs[0], model.layers[index - 1].output), layer
    unchanged = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
    return keras.Model(unchanged, unchanged), model


def _convolutions(network: keras.Model) -> list[Any]:
    found = [layer for layer in network.layers if isinstance(layer, _CONVOLUTIONS)]
    if not found:
        raise KerasclfError(f"Expected a network with convolutions. Received: {network.name}, which has none.")
    return found


def _last_map_layer(network: keras.Model) -> Any:
    """Returns the last layer that outputs several positions, except poolings and dropouts."""
    for layer in reversed(network.layers):
        shape = layer.output.shape
        if len(shape) == 4 and not isinstance(layer, _REDUCING) and any(size != 1 for size in shape[1:3]):
            return layer
    return _convolutions(network)[-1]


def _logits(network: keras.Model) -> keras.KerasTensor:
    """Returns the input of the last activation, or the logarithm of the probabilities."""
    last = network.layers[-1]
    if isinstance(last, keras.layers.Activation | keras.layers.Softmax):
        return last.input
    return keras.ops.log(keras.ops.maximum(network.outputs[0], _MIN_PROBABILITY))


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
