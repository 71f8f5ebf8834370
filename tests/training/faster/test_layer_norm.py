"""Layer normalisation as two compiled operations computes the same as the Keras layer."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.training.faster import faster_layers
from tests.training.faster.comparing import (
    TOLERANCE,
    assert_alike,
    assert_empty_batch_works,
    each_rank_and_policy,
    is_patched,
)

SHAPES = {2: (24,), 3: (5, 24), 4: (7, 5, 24)}


def normaliser(rank=4, policy="float32", **arguments):
    """Returns a model of one layer with random weights."""
    image = keras.Input(SHAPES[rank])
    layer = layers.LayerNormalization(dtype=policy, **arguments)
    model = keras.Model(image, layer(image))
    for variable in layer.variables:
        variable.assign(np.random.default_rng(1).uniform(0.5, 1.5, variable.shape))
    return model


def values(rank=4, count=8):
    return (np.random.default_rng(2).normal(size=(count, *SHAPES[rank])) * 3 + 2).astype(np.float32)


@pytest.mark.parametrize(("rank", "policy"), each_rank_and_policy(SHAPES))
def test_it_computes_what_keras_does(rank, policy):
    assert_alike(normaliser(rank, policy), values(rank), True, policy)


@pytest.mark.parametrize(("jit", "traced"), [(True, True), (False, False)])
@pytest.mark.parametrize("policy", TOLERANCE)
def test_under_xla_and_untraced(policy, jit, traced):
    assert_alike(normaliser(policy=policy), values(), True, policy, jit, traced)


@pytest.mark.parametrize("epsilon", [1e-6, 1e-5, 0.1])
def test_any_epsilon(epsilon):
    assert_alike(normaliser(epsilon=epsilon), values() * 1e-2)


@pytest.mark.parametrize("rank", SHAPES)
def test_one_image(rank):
    assert_alike(normaliser(rank), values(rank, 1))


@pytest.mark.parametrize("rank", SHAPES)
def test_a_batch_without_images(rank):
    """The last batch of an epoch can be empty on one of several devices."""
    assert_empty_batch_works(normaliser(rank), values(rank))


def test_a_frozen_layer_passes_gradients_on():
    model = normaliser()
    model.layers[-1].trainable = False
    assert_alike(model, values())


def test_float64_uses_the_call_of_keras():
    model = normaliser(policy="float64")
    expected = model(values())
    with faster_layers(model):
        np.testing.assert_array_equal(model(values()), expected)


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


def test_none_is_patched_on_a_gpu(a_gpu):
    assert not is_patched(layers.LayerNormalization())
