"""The contract of every builder, checked on a user's own network."""

import keras
import numpy as np

from kerasclf.errors import KerasclfError, raise_all
from kerasclf.models.flattening import flat_copy, is_flat, is_network
from kerasclf.networks.network_source import label_of

# Images on which a network is tried.
_TRIED = 2


def accepted(network: object, name: str, input_shape: tuple[int, ...], num_classes: int | None) -> keras.Model:
    """Checks a network against the contract of the builders and returns it, flat.

    Args:
        network: What the user's function returned.
        name: Name of the network, for messages.
        input_shape: Shape of an image.
        num_classes: Width of the output; None for a network without its top.

    Raises:
        KerasclfError: If it is no network of images and classes; all faults are listed.
    """
    if not isinstance(network, keras.Model) or not is_network(network):
        raise KerasclfError(
            f"{name}: expected a functional keras.Model, made from its inputs and outputs, or a keras.Sequential that "
            f"begins with keras.Input. Received: {type(network).__name__}."
        )
    problems = _shape_problems(network, input_shape, num_classes) + _layer_problems(network)
    raise_all(f"{name} cannot be used", problems)
    if is_flat(network):
        # A name that does not depend on the networks that this process built before.
        network = keras.Model(network.inputs[0], network.outputs[0], name=label_of(name))
    else:
        network = flat_copy(network, input_shape, label_of(name))
    if _uses_twice(network):
        problems.append("Expected each layer to be used once, in one network. Make a new layer for each use.")
    if num_classes is not None and (problem := _output_problem(network)):
        problems.append(problem)
    raise_all(f"{name} cannot be used", problems)
    return network


def _shape_problems(network: keras.Model, input_shape: tuple[int, ...], num_classes: int | None) -> list[str]:
    problems = []
    if network.compiled:
        problems.append("Expected an uncompiled network: kerasclf compiles it as the TrainConfig says.")
    shapes = [tuple(tensor.shape) for tensor in network.inputs]
    if shapes != [(None, *input_shape)]:
        problems.append(f"Expected one input of shape {(None, *input_shape)}. Received: {_listing(shapes)}.")
    shapes = [tuple(tensor.shape) for tensor in network.outputs]
    if num_classes is not None and shapes != [(None, num_classes)]:
        problems.append(
            f"Expected one output of shape {(None, num_classes)}, a probability for each class. Received: "
            f"{_listing(shapes)}."
        )
    elif num_classes is None and len(shapes) != 1:
        problems.append(f"Expected one output of features. Received: {len(shapes)}.")
    elif num_classes is not None and network.outputs[0].dtype != "float32":
        problems.append(
            f"Expected an output in float32. Received: {network.outputs[0].dtype}. Give the last layer dtype='float32'."
        )
    return problems


def _layer_problems(network: keras.Model) -> list[str]:
    problems = []
    for layer in network._flatten_layers(include_self=False):
        if isinstance(layer, keras.layers.Lambda):
            problems.append(
                f"Expected no Lambda layer, which a saved model cannot load in safe mode. Received: {layer.name!r}. "
                "Use the functions of keras.ops instead."
            )
        elif isinstance(layer, keras.Model) and not is_network(layer):
            problems.append(
                f"Expected functional networks inside the network. Received: {layer.name!r}, a {type(layer).__name__}."
            )
        elif isinstance(layer, keras.layers.Normalization) and _is_untrained(layer):
            problems.append(
                f"Expected layers that know their statistics. Received: {layer.name!r}, a Normalization without mean "
                "and variance. Normalise by the experiment's Augmentation, such as featurewise_center=True."
            )
    return problems


def _uses_twice(network: keras.Model) -> bool:
    """Returns whether a layer of a flat network has several outputs in it, or is part of another network too."""
    known = {id(tensor) for step in network.operations for tensor in keras.tree.flatten(step.output)}
    return not {id(tensor) for tensor in network.outputs} <= known or any(
        id(tensor) not in known
        for step in network.operations
        if not isinstance(step, keras.layers.InputLayer)
        for tensor in keras.tree.flatten(step.input)
    )


def _is_untrained(layer: keras.layers.Normalization) -> bool:
    return bool(layer.weights) and not np.any(layer.adapt_mean) and bool(np.all(layer.adapt_variance == 1))


def _output_problem(network: keras.Model) -> str | None:
    """Returns what is wrong with the outputs for random images, or None."""
    shape = (_TRIED, *network.inputs[0].shape[1:])
    images = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    outputs = np.asarray(network(images, training=False), np.float64)
    if np.isfinite(outputs).all() and (outputs >= 0).all() and np.allclose(outputs.sum(-1), 1, atol=1e-3):
        return None
    return (
        "Expected probabilities that add up to 1 for each image, such as those of a last layer with "
        f"activation='softmax'. Received sums of {', '.join(f'{total:.3g}' for total in outputs.sum(-1))}."
    )


def _listing(shapes: list[tuple[int | None, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"
