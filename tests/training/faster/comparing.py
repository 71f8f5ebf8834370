"""Compares the outputs and gradients of one layer with and without its faster `call`."""

import keras
import numpy as np
import tensorflow as tf

from kerasclf.training.faster import faster_layers

# Relative to the largest value. float32 sums in another order; the other types round each output.
TOLERANCE = {"float32": 2e-5, "mixed_bfloat16": 2e-2, "mixed_float16": 2e-3}


def model_of(layer, shape, low=0.5):
    """Returns a model of one layer with random weights from `low` to `low` + 1."""
    image = keras.Input(shape)
    model = keras.Model(image, layer(image))
    rng = np.random.default_rng(1)
    for variable in layer.variables:
        variable.assign(rng.uniform(low, low + 1, variable.shape))
    return model


def values(shape, count=4):
    return (np.random.default_rng(2).normal(size=(count, *shape)) * 3 + 2).astype(np.float32)


def computed(model, x, training, jit=False, traced=True):
    """Returns outputs, gradients of the weights and of the input, and the non-trainable weights."""
    before = model.get_weights()
    x = tf.constant(x)

    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.cast(model(x, training=training), tf.float32)
            loss = tf.reduce_sum(y * tf.reshape(tf.range(tf.size(y), dtype=tf.float32) % 7, tf.shape(y)))
        return y, tape.gradient(loss, [v.value for v in model.trainable_variables] + [x])

    y, gradients = tf.function(run, jit_compile=jit)() if traced else run()
    found = [y, *gradients, *model.non_trainable_variables]
    arrays = [np.asarray(value).astype(np.float32) for value in found]
    model.set_weights(before)
    return arrays


def assert_alike(model, x, training=True, policy="float32", jit=False, traced=True, rounding=1):
    """Compares the patched and the original model. The last layer must be patched."""
    expected = computed(model, x, training, traced=False)  # tracing takes most of the time of these tests
    with faster_layers(model):
        assert "call" in vars(model.layers[-1])
        found = computed(model, x, training, jit, traced)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=rounding * TOLERANCE[policy] * np.abs(other).max())


def assert_empty_batch_works(model, x):
    """Compares the gradients of an empty batch with zeros. With oneDNN, some Keras layers crash on such a batch."""
    with faster_layers(model):
        y, *gradients = computed(model, x[:0], True)
    assert y.shape[0] == 0
    assert all((gradient == 0).all() for gradient in gradients)


def is_patched(layer, shape=(4, 4, 8)):
    """Returns whether a layer is patched in a model of this layer alone."""
    model = keras.Sequential([keras.Input(shape), layer])
    with faster_layers(model):
        return "call" in vars(model.layers[-1])
