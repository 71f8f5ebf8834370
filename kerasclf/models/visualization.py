"""Visualizations of a trained network: kernels, feature maps, and Grad-CAM."""

from collections.abc import Iterator, Sequence
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
# Images whose maps are computed at once.
_BATCH = 16


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

    Args:
        model: A run's model, or any functional model from images to probabilities.
        image: Input of the model, of shape (height, width, channels).
        label: Index of the class; None for the most likely one.

    Raises:
        KerasclfError: If the model has no convolution, or the class does not exist.
    """
    return grad_cams(model, image[None], None if label is None else [label])[0]


def grad_cams(model: keras.Model, images: NDArray[Any], labels: Sequence[int] | None = None) -> list[Attention]:
    """Returns the positions of each image that support a class: Grad-CAM (Selvaraju et al. 2017).

    The heat map sums the maps of the last layer with several positions. Each value is weighted by its gradient of the
    class's logit (HiResCAM, Draelos and Carin 2020, arXiv:2011.08891). If the maps are averaged before the classifier,
    all positions have the same weight, and the result is Grad-CAM. If they are flattened, Grad-CAM's mean weight would
    mix positions and often show nothing.

    Images are computed in batches of a fixed size. Memory grows only with the heat maps.

    Args:
        model: A run's model, or any functional model from images to probabilities.
        images: Inputs of the model, of shape (n, height, width, channels).
        labels: Index of the class of each image; None for the most likely one.

    Raises:
        KerasclfError: If the model has no convolution, or a class does not exist.
    """
    if labels is not None and len(labels) != len(images):
        raise KerasclfError(f"labels: expected one for each of {len(images)} images. Received: {len(labels)}.")
    classes = model.output_shape[-1]
    for label in labels or ():
        if not 0 <= label < classes:
            raise KerasclfError(f"label: expected 0 to {classes - 1}. Received: {label}.")
    front, network = _divide(model)
    layer, lower, upper = _parts(network)
    found = []
    for start in range(0, len(images), _BATCH):
        part = slice(start, start + _BATCH)
        maps = lower(front(images[part]), training=False)
        chosen = None if labels is None else np.asarray(labels[part], np.int64)
        found += [Attention(*row[:2], layer, row[2]) for row in _evidence(upper, maps, chosen)]
    return found


def has_maps(model: keras.Model) -> bool:
    """Returns whether `grad_cams` can explain a model: dense networks and models of rows have no maps."""
    return any(isinstance(layer, _CONVOLUTIONS) for layer in model._flatten_layers())


def _evidence(
    upper: keras.Model, maps: tf.Tensor, labels: NDArray[np.int64] | None
) -> Iterator[tuple[int, float, NDArray[np.float32]]]:
    """Yields the class of each image of a batch, its probability, and the heat map.

    Args:
        upper: From maps to logits and probabilities.
        maps: The maps of the images.
        labels: The classes; None for the most likely ones.
    """
    # The layers below the maps are outside the tape, which would keep the output of each.
    with tf.GradientTape() as tape:
        tape.watch(maps)
        logits, probabilities = upper(maps, training=False)
        probabilities = np.asarray(keras.ops.convert_to_numpy(probabilities), np.float64)
        labels = probabilities.argmax(axis=1) if labels is None else labels
        # No image influences the logits of another.
        score = tf.reduce_sum(tf.gather(tf.cast(logits, tf.float32), labels, axis=1, batch_dims=1))
    gradients = tf.cast(tape.gradient(score, maps), tf.float32)
    heat = np.asarray(tf.nn.relu(tf.reduce_sum(gradients * tf.cast(maps, tf.float32), axis=-1)))
    for label, row, one in zip(labels.tolist(), probabilities, heat, strict=True):
        yield label, float(row[label]), one / (one.max() or 1.0)


def _arithmetic(network: keras.Model) -> dict[str, str]:
    try:
        return {row.name: row.arithmetic for row in explain(network)}
    except KerasclfError:  # maps can be shown even if the network cannot be explained
        return {}


def _divide(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Returns the layers before the network (a run's normalisation) as a model, and the network itself."""
    last = model.outputs[0]._keras_history.operation
    if isinstance(last, keras.Model) and len(last.inputs) == 1:
        node = model.outputs[0]._keras_history.node_index
        (x,) = last._inbound_nodes[node].input_tensors
        return keras.Model(model.inputs[0], x), last
    unchanged = keras.Input(model.inputs[0].shape[1:], dtype=model.inputs[0].dtype)
    return keras.Model(unchanged, unchanged), model


def _convolutions(network: keras.Model) -> list[Any]:
    found = [layer for layer in network.layers if isinstance(layer, _CONVOLUTIONS)]
    if not found:
        raise KerasclfError(f"Expected a network with convolutions. Received: {network.name}, which has none.")
    return found


def _parts(network: keras.Model) -> tuple[str, keras.Model, keras.Model]:
    """Divides a network after its last layer that outputs several positions, except poolings and dropouts.

    Returns:
        The name of the layer; the network up to it; the network from its output to logits and probabilities.
    """
    if not has_maps(network):
        _convolutions(network)  # raises the error
    outputs = [_logits(network), network.outputs[0]]
    for layer in reversed(network.layers):
        # The output in this network: that of a network inside it would be a tensor of its own graph.
        maps = layer._inbound_nodes[0].output_tensors[0]
        if not isinstance(layer, (keras.layers.InputLayer, *_REDUCING)) and _has_positions(maps):
            try:
                upper = keras.Model(maps, outputs)
            except ValueError:  # other layers reach the output around this one
                continue
            return layer.name, keras.Model(network.inputs[0], maps), upper
    raise KerasclfError(
        f"Expected a network with feature maps. Received: {network.name}, whose maps have one position."
    )


def _has_positions(maps: keras.KerasTensor) -> bool:
    return len(maps.shape) == 4 and any(size != 1 for size in maps.shape[1:3])


def _logits(network: keras.Model) -> keras.KerasTensor:
    """Returns the input of the last activation, or the logarithm of the probabilities."""
    last = network.layers[-1]
    if isinstance(last, keras.layers.Activation | keras.layers.Softmax):
        return last.input
    return keras.ops.log(keras.ops.maximum(network.outputs[0], _MIN_PROBABILITY))


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
