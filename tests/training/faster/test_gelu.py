"""GELU as two compiled operations computes the same as the Keras layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasclf.training.faster import faster_layers
from tests.training.faster.comparing import computed, is_patched, model_of, values


def test_far_from_zero_it_is_the_identity_or_zero():
    model, far = model_of(layers.Activation("gelu"), (4,)), np.array([[-1e4, -40, 40, 1e4]], np.float32)
    with faster_layers(model):
        outputs, by_input = computed(model, far, True)
    np.testing.assert_allclose(outputs, [[0, 0, 40, 1e4]], rtol=0, atol=1e-3)  # the maximum of XLA's erf is 1 - 10⁻⁷
    np.testing.assert_allclose(by_input, [[0, 0, 2, 3]], rtol=0, atol=1e-6)  # times the weights 0 to 3 of the loss


def test_the_static_shape_is_kept_for_batches_of_any_size():
    model = model_of(layers.Activation("gelu"), (5, 4, 6))
    with faster_layers(model):
        forward = tf.function(model, input_signature=[tf.TensorSpec((None, 5, 4, 6))])
        assert forward.get_concrete_function().outputs[0].shape.as_list() == [None, 5, 4, 6]
        for count in (3, 7):
            x = values((5, 4, 6), count)
            np.testing.assert_allclose(forward(x), keras.activations.gelu(x), atol=1e-6)


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
