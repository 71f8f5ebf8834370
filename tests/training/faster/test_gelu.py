"""GELU as two compiled operations computes the same as the Keras layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasclf.training.faster import faster_layers
from tests.training.faster.comparing import TOLERANCE, assert_alike, assert_empty_batch_works, computed, is_patched


def gelu(policy="float32", shape=(5, 4, 6)):
    image = keras.Input(shape)
    return keras.Model(image, layers.Activation("gelu", dtype=policy)(image))


def values(count=8, shape=(5, 4, 6)):
    return (np.random.default_rng(2).normal(size=(count, *shape)) * 3).astype(np.float32)


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize(("jit", "traced"), [(False, True), (True, True), (False, False)])
def test_it_computes_what_keras_does(policy, jit, traced):
    assert_alike(gelu(policy), values(), True, policy, jit, traced)


def test_far_from_zero_it_is_the_identity_or_zero():
    model, far = gelu(shape=(4,)), np.array([[-1e4, -40, 40, 1e4]], np.float32)
    with faster_layers(model):
        outputs, by_input = computed(model, far, True)
    np.testing.assert_allclose(outputs, [[0, 0, 40, 1e4]], rtol=0, atol=1e-3)  # the maximum of XLA's erf is 1 - 10⁻⁷
    np.testing.assert_allclose(by_input, [[0, 0, 2, 3]], rtol=0, atol=1e-6)  # times the weights 0 to 3 of the loss


def test_one_image():
    assert_alike(gelu(), values(1))


def test_a_batch_without_images():
    """The last batch of an epoch can be empty on one of several devices."""
    assert_empty_batch_works(gelu(), values())


def test_the_static_shape_is_kept_for_batches_of_any_size():
    model = gelu()
    with faster_layers(model):
        forward = tf.function(model, input_signature=[tf.TensorSpec((None, 5, 4, 6))])
        assert forward.get_concrete_function().outputs[0].shape.as_list() == [None, 5, 4, 6]
        for count in (3, 7):
            np.testing.assert_allclose(forward(values(count)), keras.activations.gelu(values(count)), atol=1e-6)


def test_float64_uses_the_call_of_keras():
    model = gelu("float64")
    expected = model(values())
    with faster_layers(model):
        np.testing.assert_array_equal(model(values()), expected)


class Doubled(layers.Activation):
    def call(self, inputs):
        return 2 * super().call(inputs)


@pytest.mark.parametrize(
    ("layer", "patched"),
    [
        (lambda: layers.Activation("gelu"), True),
        (lambda: layers.Activation(keras.activations.gelu), True),
        (lambda: layers.Activation("relu"), False),
        (lambda: layers.Activation(lambda x: keras.activations.gelu(x, approximate=True)), False),
        (lambda: Doubled("gelu"), False),
    ],
)
def test_which_layers_are_patched(layer, patched):
    assert is_patched(layer()) == patched


def test_none_is_patched_on_a_gpu(a_gpu):
    assert not is_patched(layers.Activation("gelu"))
