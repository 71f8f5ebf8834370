"""Fused batch normalisation computes the same as the Keras layer."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.training.faster import faster_layers
from tests.training.faster.comparing import assert_alike, computed, each_rank_and_policy

# Rows of images are normalised at once if the number of channels is no multiple of four.
SHAPES = {2: (6,), 3: (5, 6), 4: (7, 5, 6), 5: (3, 2, 5, 6), "eight channels": (7, 5, 8)}


def normaliser(rank=4, policy="float32", **arguments):
    """Returns a model of one layer with random weights and statistics."""
    image = keras.Input(SHAPES[rank])
    layer = layers.BatchNormalization(dtype=policy, name="bn", **arguments)
    model = keras.Model(image, layer(image))
    rng = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    return model


def values(rank=4, count=8):
    return (np.random.default_rng(2).normal(size=(count, *SHAPES[rank])) * 3 + 2).astype(np.float32)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("rank", "policy"), each_rank_and_policy(SHAPES))
def test_it_computes_what_keras_does(rank, policy, training):
    assert_alike(normaliser(rank, policy), values(rank), training, policy)


@pytest.mark.parametrize("rank", [2, 4])
def test_the_statistics_are_those_of_the_population(rank):
    """With two rows, a missing factor n / (n - 1) would be an error of two."""
    model, x = normaliser(rank), values(rank, 2)
    if rank == 4:
        x = x[:, :1, :1]
        model = keras.Sequential([keras.Input((1, 1, 6)), model.get_layer("bn")])
    before = np.asarray(model.get_layer("bn").moving_variance)
    with faster_layers(model):
        model(x, training=True)
    expected = 0.99 * before + 0.01 * x.reshape(2, 6).var(axis=0)
    np.testing.assert_allclose(model.get_layer("bn").moving_variance, expected, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments", [{"scale": False}, {"center": False}, {"scale": False, "center": False}, {"momentum": 0.3}]
)
@pytest.mark.parametrize("training", [True, False])
def test_arguments_of_the_layer(arguments, training):
    assert_alike(normaliser(**arguments), values(), training)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-7, 0.1])
def test_any_epsilon(epsilon):
    x = values() * 1e-2
    assert_alike(normaliser(epsilon=epsilon), x, True)


def test_a_small_epsilon_is_not_patched_on_a_gpu(a_gpu):
    for epsilon, patched in ((1e-5, False), (1.001e-5, True)):
        model = normaliser(epsilon=epsilon)
        with faster_layers(model):
            assert ("call" in vars(model.get_layer("bn"))) == patched


def test_a_frozen_layer_runs_in_inference_mode():
    model = normaliser()
    model.get_layer("bn").trainable = False
    before = model.get_weights()
    assert_alike(model, values(), True)
    with faster_layers(model):
        trained, inferred = model(values(), training=True), model(values(), training=False)
    np.testing.assert_array_equal(trained, inferred)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("rank", "policy"), each_rank_and_policy([2, 4, "eight channels"]))
def test_xla(rank, policy):
    assert_alike(normaliser(rank, policy), values(rank), True, policy, jit=True)


@pytest.mark.parametrize("count", [1, 0])
@pytest.mark.parametrize("training", [True, False])
def test_one_image_or_none(count, training):
    """The last batch of an epoch can be empty on one of several devices."""
    for rank in (2, 4, "eight channels"):
        assert_alike_or_both_nan(normaliser(rank), values(rank, count), training)


def assert_alike_or_both_nan(model, x, training):
    expected = computed(model, x, training)[-2:]
    with faster_layers(model):
        found = computed(model, x, training)[-2:]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Doubled(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return 2 * super().call(inputs, training=training, mask=mask)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.BatchNormalization(axis=1),
        lambda: layers.BatchNormalization(synchronized=True),
        lambda: layers.BatchNormalization(renorm=True),
        Doubled,
    ],
)
def test_other_layers_are_not_patched(layer):
    model = keras.Sequential([keras.Input((4, 4, 4)), layer()])
    with faster_layers(model):
        assert "call" not in vars(model.layers[0])


def test_the_last_axis_by_its_number_fits():
    model = keras.Sequential([keras.Input((4, 4, 4)), layers.BatchNormalization(axis=3)])
    with faster_layers(model):
        assert "call" in vars(model.layers[0])


def test_masks_and_float64_use_the_call_of_keras():
    masked = keras.Sequential([keras.Input((5, 6)), layers.Masking(), layers.BatchNormalization(name="bn")])
    x = values(3)
    x[:, 3:] = 0  # masked out
    assert_alike(masked, x, True)
    assert_alike(normaliser(policy="float64"), values(), True)
