"""Copies a network as one flat network, without models inside it."""

import re
from typing import Any

import keras

from kerasclf.errors import KerasclfError

# The whitening of a model that kerasclf saved is a dense layer that never trains.
_WHITENING = re.compile(r"zca(_\d+)?")


def is_network(step: Any) -> bool:
    """Returns whether a layer is itself a network of layers: functional, or a Sequential with an input."""
    if isinstance(step, keras.Sequential):
        return step.built
    return isinstance(step, keras.Model) and hasattr(step, "operations")


def is_flat(model: keras.Model) -> bool:
    """Returns whether a network is functional and contains no other network."""
    return not isinstance(model, keras.Sequential) and not any(isinstance(layer, keras.Model) for layer in model.layers)


def flat_copy(model: keras.Model, input_shape: tuple[int, ...], name: str, thaw: bool = False) -> keras.Model:
    """Returns a copy of a network, with its weights, in which the layers of nested networks are its own.

    Layers in mixed precision take the current precision. A name that occurs twice gets a number.

    Args:
        model: A functional network or a Sequential, which may contain others.
        input_shape: Shape of an image, which may differ from that of `model`.
        name: Name of the copy.
        thaw: Whether layers that were frozen when the network was saved become trainable.

    Raises:
        KerasclfError: If a layer cannot be copied, or the weights do not fit images of this shape.
    """
    image = keras.Input(input_shape, name="image")
    copier = _Copier(thaw)
    try:
        output = copier.apply(model, image)
        copier.copy_weights()
    except KerasclfError:
        raise
    except Exception as error:  # the code of any layer runs here
        own = tuple(model.input_shape[1:])
        if own != tuple(input_shape):
            raise KerasclfError(
                f"input_shape: expected {own}, the size of {name}. Received: {tuple(input_shape)}. Some of its layers "
                "take no other size."
            ) from error
        raise KerasclfError(f"{name} cannot be copied: {type(error).__name__}: {error}") from error
    return keras.Model(image, output, name=name)


class _Copier:
    """Copies the layers of a network and of the networks in it."""

    def __init__(self, thaw: bool) -> None:
        self.thaw = thaw
        self.copied: dict[int, Any] = {}
        self.copies: list[tuple[keras.Layer, keras.Layer]] = []
        self.names = {"image"}

    def apply(self, model: keras.Model, x: keras.KerasTensor) -> keras.KerasTensor:
        graph = keras.Model(model.inputs, model.outputs) if isinstance(model, keras.Sequential) else model
        # keras.models.clone_model is no help: it makes a model of each nested network, with an input of its own.
        outputs = graph._run_through_graph(x, operation_fn=self.copy_of, call_fn=self.call)
        return keras.tree.flatten(outputs)[0]

    def copy_of(self, step: Any) -> Any:
        if is_network(step):
            return step  # `call` copies its layers
        if id(step) not in self.copied:
            self.copied[id(step)] = self._copy(step)
        return self.copied[id(step)]

    def _copy(self, step: Any) -> Any:
        config = step.get_config()
        if "name" in config:
            config["name"] = self._free(config["name"])
        if isinstance(step, keras.Layer) and step.dtype_policy.name.startswith("mixed_"):
            config["dtype"] = keras.config.dtype_policy().name
        copy = type(step).from_config(config)
        if isinstance(step, keras.Layer):
            copy.trainable = step.trainable or (self.thaw and not _WHITENING.fullmatch(step.name))
            self.copies.append((copy, step))
        return copy

    def call(self, step: Any, *args: Any, **kwargs: Any) -> Any:
        if is_network(step):
            # A `training=False` of this call counts for nothing: a fit passes its own to every layer.
            return self.apply(step, keras.tree.flatten(args)[0])
        return step(*args, **kwargs)

    def copy_weights(self) -> None:
        for copy, layer in self.copies:
            copy.set_weights(layer.get_weights())
            if isinstance(copy, keras.layers.Normalization):
                copy.finalize_state()  # its mean is a constant that it computes from the weights

    def _free(self, name: str) -> str:
        free, number = name, 0
        while free in self.names:
            number += 1
            free = f"{name}_{number}"
        self.names.add(free)
        return free
