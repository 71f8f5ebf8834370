"""Depthwise convolutions of small images with a part of the kernel compute the same as the Keras layer."""

import pytest
from keras import layers

from tests.training.faster.comparing import assert_alike, is_patched, model_of, values


def convolution(shape, **arguments):
    return model_of(layers.DepthwiseConv2D(7, padding="same", **arguments), shape, low=-0.5)


@pytest.mark.parametrize("shape", [(1, 1, 8), (2, 9, 8), (9, 1, 8), (4, 4, 8), (9, 9, 8)])
def test_images_of_any_shape(shape):
    assert_alike(convolution(shape), values(shape))


@pytest.mark.parametrize("arguments", [{"use_bias": False}, {"activation": "relu"}])
def test_arguments_of_the_layer(arguments):
    assert_alike(convolution((2, 2, 8), **arguments), values((2, 2, 8)))


def test_several_outputs_of_a_channel():
    assert_alike(convolution((2, 2, 8), depth_multiplier=3), values((2, 2, 8)))


def test_unknown_sizes_and_one_image():
    assert_alike(convolution((None, None, 8)), values((2, 2, 8), 1))


@pytest.mark.parametrize(
    ("layer", "patched"),
    [
        (lambda: layers.DepthwiseConv2D(3, padding="same"), True),
        (lambda: layers.DepthwiseConv2D(3), False),
        (lambda: layers.DepthwiseConv2D(4, padding="same"), False),
        (lambda: layers.DepthwiseConv2D(3, strides=2, padding="same"), False),
        (lambda: layers.DepthwiseConv2D(3, padding="same", dilation_rate=2), False),
    ],
)
def test_which_layers_are_patched(layer, patched):
    assert is_patched(layer()) == patched
