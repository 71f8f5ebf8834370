"""Layer normalisation as two compiled operations computes the same as the Keras layer."""

import pytest
from keras import layers

from tests.training.faster.comparing import assert_alike, is_patched, model_of, values

SHAPE = (7, 5, 24)


@pytest.mark.parametrize("epsilon", [1e-6, 1e-5, 0.1])
def test_any_epsilon(epsilon):
    assert_alike(model_of(layers.LayerNormalization(epsilon=epsilon), SHAPE), values(SHAPE) * 1e-2)


def test_a_frozen_layer_passes_gradients_on():
    model = model_of(layers.LayerNormalization(), SHAPE)
    model.layers[-1].trainable = False
    assert_alike(model, values(SHAPE))


class Doubled(layers.LayerNormalization):
    def call(self, inputs):
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    ("layer", "patched"),
    [
        (lambda: layers.LayerNormalization(), True),
        (lambda: layers.LayerNormalization(axis=1), False),
        (lambda: layers.LayerNormalization(axis=(2, 3)), False),
        (lambda: layers.LayerNormalization(scale=False), False),
        (lambda: layers.LayerNormalization(center=False), False),
        (lambda: Doubled(), False),
    ],
)
def test_which_layers_are_patched(layer, patched):
    assert is_patched(layer()) == patched
