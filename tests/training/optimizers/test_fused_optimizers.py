"""Optimizers with one operation per variable take the same steps as the Keras optimizers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf.training import devices
from kerasclf.training.optimizers import fused_optimizers

CASES = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.7, "beta_2": 0.9, "epsilon": 0.1, "global_clipnorm": 0.5}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {"weight_decay": 0.1}),
]


def weights_after(optimizer, traced=True, steps=5):
    rng = np.random.default_rng(0)
    weights = [keras.Variable(rng.normal(size=shape).astype(np.float32)) for shape in ((4, 3), (3,))]
    gradients = rng.normal(size=(steps, 15)).astype(np.float32)

    def step(gradient):
        optimizer.apply([tf.reshape(gradient[:12], (4, 3)), gradient[12:]], weights)

    optimizer.build(weights)
    step = tf.function(step) if traced else step
    for gradient in gradients:
        step(tf.constant(gradient))
    return [np.array(value) for value in (*weights, *optimizer.variables)]


@pytest.mark.parametrize("traced", [True, False])
@pytest.mark.parametrize(("name", "arguments"), CASES)
def test_it_steps_as_keras_does(name, arguments, traced):
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    own, theirs = (
        weights_after(getattr(source, name)(rate, **arguments), traced)
        for source in (fused_optimizers, keras.optimizers)
    )
    assert len(own) == len(theirs)
    for one, other in zip(own, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("strategy", ["none", pytest.param("mirrored", marks=pytest.mark.slow)])
@pytest.mark.parametrize(("name", "arguments"), [CASES[1], CASES[6]])
def test_a_fit_gives_the_same_weights_as_with_keras(name, arguments, strategy):
    fitted = []
    for source in (fused_optimizers, keras.optimizers):
        keras.utils.set_random_seed(0)
        with devices.make_strategy(strategy).scope():
            model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "relu"), keras.layers.Dense(3)])
            model.compile(getattr(source, name)(0.01, **arguments), "mse", jit_compile=False)
            model.fit(np.ones((32, 6)) * np.arange(32)[:, None] / 32, np.eye(3)[np.arange(32) % 3], verbose=0, epochs=3)
        fitted.append(model.get_weights())
    for one, other in zip(*fitted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
