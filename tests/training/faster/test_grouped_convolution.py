"""Grouped convolutions as dense ones compute the same as the Keras layer."""

import numpy as np
import pytest
from keras import layers

from kerasclf.training.faster import faster_layers
from kerasclf.training.faster.grouped_convolution import _groups_per_convolution
from tests.training.faster.comparing import assert_alike, is_patched, model_of, values


def convolution(channels=24, filters=48, groups=6, **arguments):
    return model_of(layers.Conv2D(filters, 3, groups=groups, **arguments), (9, 8, channels), low=-0.5)


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
    assert_alike(convolution(**arguments), values((9, 8, arguments.get("channels", 24))))


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


def test_a_lora_kernel_is_used():
    model, x = convolution(), values((9, 8, 24))
    model.layers[-1].enable_lora(2)
    model.layers[-1].lora_kernel_b.assign(np.ones(model.layers[-1].lora_kernel_b.shape))
    expected = model(x)
    with faster_layers(model):
        np.testing.assert_allclose(model(x), expected, atol=1e-4)
