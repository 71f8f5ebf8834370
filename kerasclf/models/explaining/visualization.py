"""What a trained network sees of an image: its kernels, its feature maps, and where it looks (Grad-CAM)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError, unknown
from kerasclf.models.explaining.rows import explain

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
# What only thins out the maps of the layer before it.
_THINNING = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.layers.Dropout)
# Probabilities of a network without a layer for its logits are clipped here before their logarithm is taken.
_LEAST_PROBABILITY = 1e-7


class Kernels(NamedTuple):
    """The kernels of a convolution: float32 of shape (height, width, channels in, channels out)."""

    layer: str
    values: NDArray[np.float32]


class FeatureMaps(NamedTuple):
    """What a convolution makes of an image, before any activation that is a layer of its own.

    Args:
        layer: Its name.
        maps: float32 of shape (height, width, channels).
        arithmetic: (W − F + 2P)/S + 1 with its numbers; empty where `explain` knows none.
    """

    layer: str
    maps: NDArray[np.float32]
    arithmetic: str


class Attention(NamedTuple):
    """Where a network looks for a class.

    Args:
        label: The class.
        probability: What the network gives it.
        layer: The layer whose maps were weighed.
        heat: float32 of shape (height, width) of these maps, from 0 to 1; all 0 where nothing speaks for the class.
    """

    label: int
    probability: float
    layer: str
    heat: NDArray[np.float32]


def kernels(model: keras.Model) -> Kernels:
    """Returns the kernels of a model's first convolution.

    Raises:
        KerasclfError: It has no convolution.
    """
    layer = _convolutions(_divide(model)[1])[0]
    found = layer.depthwise_kernel if hasattr(layer, "depthwise_kernel") else layer.kernel
    return Kernels(layer.name, np.asarray(keras.ops.convert_to_numpy(found), np.float32))


def feature_maps(model: keras.Model, image: NDArray[Any], layers: Sequence[str] = ()) -> list[FeatureMaps]:
    """Returns what the convolutions of a model make of an image, in their order.

    Args:
        model: A run's model, or any functional model of images.
        image: What the model takes, shape (height, width, channels).
        layers: Names of convolutions; all where empty.

    Raises:
        KerasclfError: The model has no convolution, or none of such a name.
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
    """Returns where a model looks on an image for a class: Grad-CAM (Selvaraju et al. 2017).

    The maps of the last layer that still knows places, each place weighed by how much it raises the class's logit there
    (HiResCAM, Draelos and Carin 2020, arXiv:2011.08891). Where the maps are averaged before the classifier, every place
    has the same weight, and this is Grad-CAM itself; where they are flattened, Grad-CAM's mean weight would mix places
    up and often show nothing.

    Args:
        model: A run's model, or any functional model from images to probabilities.
        image: What the model takes, shape (height, width, channels).
        label: The class; the likeliest where None.

    Raises:
        KerasclfError: The model has no convolution, or no such class.
    """
    front, network = _divide(model)
    _convolutions(network)  # without one there are no places to look at
    probabilities = np.asarray(keras.ops.convert_to_numpy(model(image[None], training=False)), np.float64)[0]
    if label is None:
        label = int(probabilities.argmax())
    if not 0 <= label < len(probabilities):
        raise KerasclfError(f"label: expected 0 to {len(probabilities) - 1}. Received: {label}.")
    layer = _last_places(network)
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
    except KerasclfError:  # maps can be shown of a network from elsewhere that cannot be explained
        return {}


def _divide(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Returns what stands before the network (a run's normalisation), and the network itself."""
    for place, layer in enumerate(model.layers):
        if isinstance(layer, keras.Model) and place and len(layer.inputs) == 1:
            return keras.Model(model.inputs[0], model.layers[place - 1].output), layer
    nothing = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
    return keras.Model(nothing, nothing), model


def _convolutions(network: keras.Model) -> list[Any]:
    found = [layer for layer in network.layers if isinstance(layer, _CONVOLUTIONS)]
    if not found:
        raise KerasclfError(f"Expected a network with convolutions. Received: {network.name}, which has none.")
    return found


def _last_places(network: keras.Model) -> Any:
    """Returns the last layer whose output is of several places, poolings and dropouts left out."""
    for layer in reversed(network.layers):
        shape = layer.output.shape
        if len(shape) == 4 and not isinstance(layer, _THINNING) and any(size != 1 for size in shape[1:3]):
            return layer
    return _convolutions(network)[-1]


def _logits(network: keras.Model) -> keras.KerasTensor:
    """Returns the tensor that the last softmax is taken of, or the logarithm of the probabilities."""
    last = network.layers[-1]
    if isinstance(last, keras.layers.Activation | keras.layers.Softmax):
        return last.input
    return keras.ops.log(keras.ops.maximum(network.outputs[0], _LEAST_PROBABILITY))


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
