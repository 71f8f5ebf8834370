"""Two models share their digest where they compute the same, and only there."""

import keras
import numpy as np
import pytest
from keras import layers, ops
from keras.applications import resnet

from kerasclf.transfer.identity import model_digest
from tests.transfer.conftest import randomize, small_network


def of(function):
    image = keras.Input((8, 8, 3))
    return keras.Model(image, function(image))


def test_what_is_built_again_is_the_same():
    def unnamed(x):
        return layers.ReLU()(layers.Rescaling(0.5)(x) + 1.0)

    assert model_digest(of(unnamed)) == model_digest(of(unnamed))  # Keras names its layers otherwise
    assert model_digest(randomize(small_network())) == model_digest(randomize(small_network()))


def test_what_trains_does_not_matter():
    network = small_network()
    before = model_digest(network)
    network.trainable = False
    assert model_digest(network) == before


def test_one_other_weight_makes_another():
    network = randomize(small_network())
    before = model_digest(network)
    for name in ("conv1_bn", "logits"):
        layer = network.get_layer(name)
        arrays = layer.get_weights()
        arrays[-1][0] += 1e-6
        layer.set_weights(arrays)
        assert (before, before := model_digest(network))[0] != before


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda x: layers.Rescaling(0.5)(x), lambda x: layers.Rescaling(0.25)(x)),
        (lambda x: x / 255.0, lambda x: x / 127.5),  # what an Augmentation's preprocessing_function may do
        (lambda x: x - np.array([103.9, 116.8, 123.7]), lambda x: x - np.array([123.7, 116.8, 103.9])),
        (lambda x: resnet.preprocess_input(x) + 0.0, lambda x: ops.flip(x, axis=-1) + 0.0),
        (lambda x: ops.flip(x, axis=-1), lambda x: ops.flip(x, axis=-2)),
        (lambda x: layers.Subtract()([x, ops.relu(x)]), lambda x: layers.Subtract()([ops.relu(x), x])),
    ],
)
def test_another_setting_constant_or_order_makes_another(one, other):
    assert model_digest(of(one)) == model_digest(of(one))
    assert model_digest(of(one)) != model_digest(of(other))


def test_another_precision_makes_another():
    assert model_digest(of(layers.Conv2D(2, 3, kernel_initializer="ones"))) != model_digest(
        of(layers.Conv2D(2, 3, kernel_initializer="ones", dtype="mixed_bfloat16"))
    )
