"""What holds for every faster layer: it computes the same as the Keras layer, in every precision and on any batch."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.training.faster import faster_layers
from tests.training.faster.comparing import (
    TOLERANCE,
    assert_alike,
    assert_empty_batch_works,
    is_patched,
    model_of,
    values,
)


@dataclass(frozen=True)
class Faster:
    """A layer that has a faster `call`.

    Args:
        make: Makes the layer.
        shape: Shape of its inputs, without the batch.
        low: Its random weights lie between this and one more.
        rounding: Factor of the tolerance.
        variant: Whether its inputs are no images. Mixed precision is then slow: it is the same computation.
    """

    make: Callable[..., keras.Layer]
    shape: tuple[int, ...]
    low: float = 0.5
    rounding: float = 1
    variant: bool = False

    def model(self, **arguments):
        return model_of(self.make(**arguments), self.shape, self.low)

    def values(self, count=8):
        return values(self.shape, count)


def depthwise(**arguments):
    return layers.DepthwiseConv2D(7, padding="same", **arguments)


def pointwise(**arguments):
    return layers.Conv2D(12, 1, **arguments)


def grouped(**arguments):
    # TensorFlow's convolutions round intermediate sums, XLA's do not. For the gradient of the bias it is the other way
    # round, and the difference is too large to compare in bfloat16.
    return layers.Conv2D(48, 3, groups=6, use_bias=arguments.get("dtype", "float32") == "float32", **arguments)


def gelu(**arguments):
    return layers.Activation("gelu", **arguments)


LAYERS = {
    # Rows of images are normalised at once if the number of channels is no multiple of four.
    "batch_norm": Faster(layers.BatchNormalization, (7, 5, 6)),
    "batch_norm of eight channels": Faster(layers.BatchNormalization, (7, 5, 8)),
    "batch_norm of vectors": Faster(layers.BatchNormalization, (6,), variant=True),
    "batch_norm of rows": Faster(layers.BatchNormalization, (5, 6), variant=True),
    "batch_norm of volumes": Faster(layers.BatchNormalization, (3, 2, 5, 6), variant=True),
    "layer_norm": Faster(layers.LayerNormalization, (7, 5, 24)),
    "layer_norm of vectors": Faster(layers.LayerNormalization, (24,), variant=True),
    "layer_norm of rows": Faster(layers.LayerNormalization, (5, 24), variant=True),
    "gelu": Faster(gelu, (5, 4, 6)),
    "depthwise": Faster(depthwise, (2, 3, 8), low=-0.5, rounding=3),
    "pointwise": Faster(pointwise, (2, 3, 8), low=-0.5, rounding=3),
    "grouped": Faster(grouped, (9, 8, 24), low=-0.5, rounding=3),
}
# Batch normalisation has no statistics of too few values, and another rule for GPUs: see test_batch_norm.py.
OTHERS = [name for name in LAYERS if not name.startswith("batch_norm")]
EACH = [
    pytest.param(name, policy, marks=pytest.mark.slow if layer.variant and policy != "float32" else ())
    for policy in TOLERANCE
    for name, layer in LAYERS.items()
]


@pytest.mark.parametrize(("jit", "traced"), [(False, True), (True, True), (False, False)])
@pytest.mark.parametrize(("name", "policy"), EACH)
def test_it_computes_what_keras_does(name, policy, jit, traced):
    layer = LAYERS[name]
    assert_alike(layer.model(dtype=policy), layer.values(), True, policy, jit, traced, layer.rounding)


@pytest.mark.parametrize("name", OTHERS)
def test_one_image(name):
    assert_alike(LAYERS[name].model(), LAYERS[name].values(1))


# With oneDNN, TensorFlow gives a convolution of no images the shape of its input. Its sum with the bias then fails.
@pytest.mark.parametrize("name", [name for name in OTHERS if name != "grouped"])
def test_a_batch_without_images(name):
    """The last batch of an epoch can be empty on one of several devices."""
    assert_empty_batch_works(LAYERS[name].model(), LAYERS[name].values())


@pytest.mark.parametrize("name", LAYERS)
def test_float64_is_not_rounded_to_float32(name):
    model, x = LAYERS[name].model(dtype="float64"), LAYERS[name].values()
    expected = model(x, training=True)
    with faster_layers(model):
        found = model(x, training=True)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("name", OTHERS)
def test_none_is_patched_on_a_gpu(name, a_gpu):
    assert not is_patched(LAYERS[name].make(), LAYERS[name].shape)
