"""Convolutions of small images, 1×1 and depthwise: what Keras' own layers compute."""

import keras
import numpy as np
import pytest
from keras import layers

from tests.training.faster.comparing import TOLERANCE, assert_alike, is_lent

KINDS = {
    "pointwise": lambda **arguments: layers.Conv2D(12, 1, **arguments),
    "depthwise": lambda **arguments: layers.DepthwiseConv2D(7, padding="same", **arguments),
}


def convolution(kind, shape, **arguments):
    image = keras.Input(shape)
    layer = KINDS[kind](**arguments)
    model = keras.Model(image, layer(image))
    for variable in layer.variables:
        variable.assign(np.random.default_rng(1).uniform(-0.5, 0.5, variable.shape))
    return model


def values(shape, count=4):
    return np.random.default_rng(2).normal(size=(count, *shape)).astype(np.float32)


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("kind", KINDS)
def test_it_computes_what_keras_does(kind, policy):
    shape = (2, 3, 8)
    assert_alike(convolution(kind, shape, dtype=policy), values(shape), True, policy, rounding=3)


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 9, 8), (9, 1, 8), (4, 4, 8), (9, 9, 8)])
@pytest.mark.parametrize("kind", KINDS)
def test_images_of_any_shape(kind, shape):
    assert_alike(convolution(kind, shape), values(shape))


@pytest.mark.parametrize("arguments", [{"use_bias": False}, {"activation": "relu"}])
@pytest.mark.parametrize("kind", KINDS)
def test_arguments_of_the_layer(kind, arguments):
    assert_alike(convolution(kind, (2, 2, 8), **arguments), values((2, 2, 8)))


def test_several_outputs_of_a_channel():
    assert_alike(convolution("depthwise", (2, 2, 8), depth_multiplier=3), values((2, 2, 8)))


@pytest.mark.parametrize(("jit", "traced"), [(True, True), (False, False)])
@pytest.mark.parametrize("kind", KINDS)
def test_under_xla_and_untraced(kind, jit, traced):
    assert_alike(convolution(kind, (2, 2, 8)), values((2, 2, 8)), True, "float32", jit, traced)


@pytest.mark.parametrize("kind", KINDS)
def test_sizes_that_are_not_known_and_one_image(kind):
    assert_alike(convolution(kind, (None, None, 8)), values((2, 2, 8), 1))


@pytest.mark.parametrize(
    ("layer", "lent"),
    [
        (lambda: layers.Conv2D(8, 1), True),
        (lambda: layers.Conv2D(8, 1, strides=2), False),
        (lambda: layers.Conv2D(8, 3), False),
        (lambda: layers.DepthwiseConv2D(3, padding="same"), True),
        (lambda: layers.DepthwiseConv2D(3), False),
        (lambda: layers.DepthwiseConv2D(4, padding="same"), False),
        (lambda: layers.DepthwiseConv2D(3, strides=2, padding="same"), False),
        (lambda: layers.DepthwiseConv2D(3, padding="same", dilation_rate=2), False),
    ],
)
def test_which_layers_are_lent(layer, lent):
    assert is_lent(layer()) == lent


@pytest.mark.parametrize("kind", KINDS)
def test_none_is_lent_where_there_is_a_gpu(a_gpu, kind):
    assert not is_lent(KINDS[kind]())
