"""Patches layers with a faster `call` while a model trains."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import keras
import tensorflow as tf

from kerasclf.training.faster import (
    batch_norm,
    depthwise_convolution,
    gelu,
    grouped_convolution,
    layer_norm,
    pointwise_convolution,
)


class Faster(NamedTuple):
    """A faster computation of one kind of layer.

    Args:
        fits: Returns whether this computation supports a built layer on this machine.
        call: Replacement of the layer's `call`. Its first argument is the layer.
    """

    fits: Callable[[keras.Layer], bool]
    call: Callable[..., tf.Tensor]


FASTER = (
    Faster(batch_norm.fits, batch_norm.call),
    Faster(layer_norm.fits, layer_norm.call),
    Faster(gelu.fits, gelu.call),
    Faster(grouped_convolution.fits, grouped_convolution.call),
    Faster(pointwise_convolution.fits, pointwise_convolution.call),
    Faster(depthwise_convolution.fits, depthwise_convolution.call),
)


@contextlib.contextmanager
def faster_layers(model: keras.Model, strategy: tf.distribute.Strategy | None = None) -> Iterator[None]:
    """Enters a strategy's scope and patches the layers that have a faster `call`, in the model and its submodels.

    Only the `call` of each layer instance is patched, and restored at the end of the block. A model that is saved or
    cloned inside the block is not patched. Subclasses of these layers may compute something else and are not patched.

    Args:
        model: A built model. Its traced functions are dropped at both ends of the block, because a function that was
            traced inside must not run outside, and conversely.
        strategy: The strategy under which the model was built; None for the current one.
    """
    patched: list[keras.Layer] = []
    with (strategy or tf.distribute.get_strategy()).scope():
        try:
            for layer in model._flatten_layers():
                call = _faster_call(layer)
                if call is not None:
                    layer.call = functools.partial(call, layer)
                    patched.append(layer)
            _forget_traces(model)
            yield
        finally:
            for layer in patched:
                del layer.call
            _forget_traces(model)


def _faster_call(layer: keras.Layer) -> Callable[..., tf.Tensor] | None:
    if not layer.built or "call" in vars(layer):  # an instance with its own `call` is patched already
        return None
    return next((faster.call for faster in FASTER if faster.fits(layer)), None)


def _forget_traces(model: keras.Model) -> None:
    model.train_function = model.test_function = model.predict_function = None
