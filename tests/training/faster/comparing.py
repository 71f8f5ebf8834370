"""What a model of one layer gives and learns, by Keras' own way and by the lent one."""

import keras
import numpy as np
import tensorflow as tf

from kerasclf.training.faster import faster_layers

# Of the largest value: float32 sums in another order, the others round each output.
TOLERANCE = {"float32": 2e-5, "mixed_bfloat16": 2e-2, "mixed_float16": 2e-3}


def computed(model, x, training, jit=False, traced=True):
    """Returns outputs, gradients by the weights and by the input, and the weights that do not train."""
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
    """Compares the two ways for a model whose layer at the end has to be lent a `call`."""
    expected = computed(model, x, training)
    with faster_layers(model):
        assert "call" in vars(model.layers[-1])
        found = computed(model, x, training, jit, traced)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=rounding * TOLERANCE[policy] * np.abs(other).max())


def assert_nothing_of_nothing(model, x):
    """Compares with zeros what a batch without images gives: with oneDNN, some of Keras' own layers die of one."""
    with faster_layers(model):
        y, *gradients = computed(model, x[:0], True)
    assert y.shape[0] == 0
    assert all((gradient == 0).all() for gradient in gradients)


def is_lent(layer, shape=(4, 4, 8)):
    """Whether a layer is lent a `call` in a model of it alone."""
    model = keras.Sequential([keras.Input(shape), layer])
    with faster_layers(model):
        return "call" in vars(model.layers[-1])
