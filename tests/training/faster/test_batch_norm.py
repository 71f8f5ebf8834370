"""Fused batch normalisation computes the same as the Keras layer."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.training.faster import faster_layers
from tests.training.faster.comparing import TOLERANCE, assert_alike, computed, is_patched, model_of, values

IMAGE, VECTOR = (7, 5, 6), (6,)
# Rows of images are normalised at once if the number of channels is no multiple of four.
SHAPES = [VECTOR, (5, 6), IMAGE, (3, 2, 5, 6), (7, 5, 8)]


def normaliser(shape=IMAGE, **arguments):
    return model_of(layers.BatchNormalization(name="bn", **arguments), shape)


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES)
def test_in_inference_mode_it_computes_what_keras_does(shape, policy):
    assert_alike(normaliser(shape, dtype=policy), values(shape), False, policy)


@pytest.mark.parametrize("shape", [VECTOR, (1, 1, 6)])
def test_the_statistics_are_those_of_the_population(shape):
    """With two rows, a missing factor n / (n - 1) would be an error of two."""
    model, x = normaliser(shape), values(shape, 2)
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
    assert_alike(normaliser(**arguments), values(IMAGE), training)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-7, 0.1])
def test_any_epsilon(epsilon):
    assert_alike(normaliser(epsilon=epsilon), values(IMAGE) * 1e-2)


def test_a_small_epsilon_is_not_patched_on_a_gpu(a_gpu):
    for epsilon, patched in ((1e-5, False), (1.001e-5, True)):
        assert is_patched(layers.BatchNormalization(epsilon=epsilon)) == patched


def test_a_frozen_layer_runs_in_inference_mode():
    model = normaliser()
    model.get_layer("bn").trainable = False
    before = model.get_weights()
    assert_alike(model, values(IMAGE))
    with faster_layers(model):
        trained, inferred = model(values(IMAGE), training=True), model(values(IMAGE), training=False)
    np.testing.assert_array_equal(trained, inferred)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [1, 0])
@pytest.mark.parametrize("training", [True, False])
def test_one_image_or_none(count, training):
    """The last batch of an epoch can be empty on one of several devices."""
    for shape in (VECTOR, IMAGE, (7, 5, 8)):
        assert_alike_or_both_nan(normaliser(shape), values(shape, count), training)


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
    assert not is_patched(layer())


def test_the_last_axis_by_its_number_fits():
    assert is_patched(layers.BatchNormalization(axis=3))


def test_masks_use_the_call_of_keras():
    masked = keras.Sequential([keras.Input((5, 6)), layers.Masking(), layers.BatchNormalization(name="bn")])
    x = values((5, 6))
    x[:, 3:] = 0  # masked out
    assert_alike(masked, x)
