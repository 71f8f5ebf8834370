"""Strategies: one for the same devices, however often it is asked for."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.training.devices import make_strategy


def fit_mirrored(units):
    with make_strategy("mirrored").scope():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(units), keras.layers.Dense(1)])
        model.compile(optimizer="adam", loss="mse", jit_compile=False)
        x = np.random.default_rng(0).normal(size=(16, 4)).astype(np.float32)
        return model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0).history["loss"]


def test_different_networks_train_mirrored_in_one_process():
    """Two strategies would number their sums over the devices alike, and TensorFlow mixes them up."""
    for units in (3, 5, 7):
        assert np.isfinite(fit_mirrored(units)).all()


def test_the_same_devices_have_one_strategy():
    assert make_strategy("mirrored") is make_strategy("mirrored")
    assert make_strategy("mirrored").num_replicas_in_sync == len(tf.config.list_logical_devices("CPU")) == 2


@pytest.mark.parametrize("name", ["none", "auto"])
def test_without_gpus_there_is_none(name):
    assert not isinstance(make_strategy(name), tf.distribute.MirroredStrategy)
