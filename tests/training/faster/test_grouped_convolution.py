"""Grouped convolutions as dense ones compute the same as the Keras layer."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.training.faster import faster_layers
from kerasclf.training.faster.grouped_convolution import _groups_per_convolution
from tests.training.faster.comparing import TOLERANCE, assert_alike, is_patched


def convolution(policy="float32", channels=24, filters=48, groups=6, **arguments):
    image = keras.Input((9, 8, channels))
    layer = layers.Conv2D(filters, 3, groups=groups, dtype=policy, **arguments)
    model = keras.Model(image, layer(image))
    for variable in layer.variables:
        variable.assign(np.random.default_rng(1).uniform(-0.5, 0.5, variable.shape))
    return model


def values(count=4, channels=24):
    return np.random.default_rng(2).normal(size=(count, 9, 8, channels)).astype(np.float32)


@pytest.mark.parametrize("policy", TOLERANCE)
def test_it_computes_what_keras_does(policy):
    # TensorFlow's convolutions round intermediate sums, XLA's do not. For the gradient of the bias it is the other way
    # round, and the difference is too large to compare in bfloat16.
    assert_alike(convolution(policy, use_bias=policy == "float32"), values(), True, policy, rounding=3)


@pytest.mark.parametrize(("jit", "traced"), [(True, True), (False, False)])
def test_under_xla_and_untraced(jit, traced):
    assert_alike(convolution(), values(), True, "float32", jit, traced)


@pytest.mark.parametrize(
    "arguments",
    [
        {"padding": "same"},
        {"padding": "same", "strides": 2},
        {"dilation_rate": 2},
        {"use_bias": False},
        {"activation": "relu"},
        {"groups": 24},
        {"groups": 2},
        {"channels": 25, "filters": 10, "groups": 5},
    ],
)
def test_arguments_of_the_layer(arguments):
    assert_alike(convolution(**arguments), values(channels=arguments.get("channels", 24)))


def test_one_image():
    assert_alike(convolution(), values(1))


@pytest.mark.parametrize(
    ("groups", "width", "together"),
    [(64, 4, 4), (6, 4, 3), (128, 8, 2), (4, 16, 1), (4, 64, 1), (7, 4, 1), (32, 1, 16)],
)
def test_number_of_groups_per_convolution(groups, width, together):
    assert _groups_per_convolution(groups, width) == together


class Doubled(layers.Conv2D):
    def call(self, inputs):
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    ("layer", "patched"),
    [
        (lambda: layers.Conv2D(8, 3, groups=2), True),
        (lambda: layers.Conv2D(8, 3), False),
        (lambda: layers.DepthwiseConv2D(3), False),
        (lambda: Doubled(8, 3, groups=2), False),
    ],
)
def test_which_layers_are_patched(layer, patched):
    assert is_patched(layer()) == patched


def test_none_is_patched_on_a_gpu(a_gpu):
    assert not is_patched(layers.Conv2D(8, 3, groups=2))


def test_a_lora_kernel_is_used():
    model = convolution()
    model.layers[-1].enable_lora(2)
    model.layers[-1].lora_kernel_b.assign(np.ones(model.layers[-1].lora_kernel_b.shape))
    expected = model(values())
    with faster_layers(model):
        np.testing.assert_allclose(model(values()), expected, atol=1e-4)
