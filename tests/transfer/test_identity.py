"""Two models have the same digest if and only if they compute the same function."""

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


def test_a_rebuilt_network_has_the_same_digest():
    def unnamed(x):
        return layers.ReLU()(layers.Rescaling(0.5)(x) + 1.0)

    assert model_digest(of(unnamed)) == model_digest(of(unnamed))  # Keras gives its layers other names
    assert model_digest(randomize(small_network())) == model_digest(randomize(small_network()))


def test_trainable_flags_do_not_matter():
    network = small_network()
    before = model_digest(network)
    network.trainable = False
    assert model_digest(network) == before


def test_a_changed_weight_changes_the_digest():
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
        (lambda x: x / 255.0, lambda x: x / 127.5),  # possible in the preprocessing_function of an Augmentation
        (lambda x: x - np.array([103.9, 116.8, 123.7]), lambda x: x - np.array([123.7, 116.8, 103.9])),
        (lambda x: resnet.preprocess_input(x) + 0.0, lambda x: ops.flip(x, axis=-1) + 0.0),
        (lambda x: ops.flip(x, axis=-1), lambda x: ops.flip(x, axis=-2)),
        (lambda x: layers.Subtract()([x, ops.relu(x)]), lambda x: layers.Subtract()([ops.relu(x), x])),
    ],
)
def test_another_setting_constant_or_order_changes_the_digest(one, other):
    assert model_digest(of(one)) == model_digest(of(one))
    assert model_digest(of(one)) != model_digest(of(other))


def test_another_precision_changes_the_digest():
    assert model_digest(of(layers.Conv2D(2, 3, kernel_initializer="ones"))) != model_digest(
        of(layers.Conv2D(2, 3, kernel_initializer="ones", dtype="mixed_bfloat16"))
    )
