"""Patched calls leave nothing in layers, saved models and traced functions, and a fit gives the same weights."""

import contextlib
import functools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from kerasclf.training import devices
from kerasclf.training.faster import faster_layers


def small(shape=(8, 8, 3), classes=3):
    """Returns a network with all kinds of patched layers, one of them inside a nested model."""
    inner_image = keras.Input(shape)
    x = layers.Conv2D(4, 3, name="conv")(inner_image)
    inner = keras.Model(inner_image, layers.BatchNormalization(name="inner_bn")(x), name="inner")
    image = keras.Input(shape)
    x = layers.Conv2D(8, 3, groups=2, name="groups")(layers.ReLU()(inner(image)))
    x = layers.Activation("gelu", name="gelu")(layers.LayerNormalization(name="ln")(x))
    x = layers.Flatten()(x)
    x = layers.BatchNormalization(name="bn")(layers.Dense(5, name="dense")(x))
    return keras.Model(image, layers.Dense(classes, name="logits")(x))


def compiled(model, **arguments):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss=loss, jit_compile=False, **arguments)
    return model


def labelled(count=32, shape=(8, 8, 3)):
    rng = np.random.default_rng(3)
    return rng.normal(size=(count, *shape)).astype(np.float32), (np.arange(count) % 3).astype(np.int32)


PATCHED = ("bn", "groups", "gelu", "ln")


def all_patched(model):
    """Returns whether the nested layer is patched, and whether all others are."""
    patched = {"call" in vars(model.get_layer(name)) for name in PATCHED}
    assert len(patched) == 1
    return ["call" in vars(model.get_layer("inner").get_layer("inner_bn")), patched.pop()]


def test_nested_layers_are_patched_and_restored():
    model = small()
    with faster_layers(model):
        assert all_patched(model) == [True, True]
    assert all_patched(model) == [False, False]


def test_layers_are_restored_after_an_error():
    model = small()
    with pytest.raises(KeyError, match="broken"), faster_layers(model):
        raise KeyError("broken")
    assert all_patched(model) == [False, False]


def test_a_nested_block_leaves_the_layers_patched():
    model = small()
    with faster_layers(model):
        with faster_layers(model.get_layer("inner")):
            assert all_patched(model) == [True, True]
        assert all_patched(model) == [True, True]


@pytest.fixture
def traced(monkeypatch):
    """Records traced calls: "any" for a layer that is never patched, "standard" for the Keras call of a patched one."""
    calls = []

    def recorded(name, call):
        @functools.wraps(call)  # Keras reads the signature
        def recording(*arguments, **named):
            calls.append(name)
            return call(*arguments, **named)

        return recording

    monkeypatch.setattr(layers.Dense, "call", recorded("any", layers.Dense.call))
    monkeypatch.setattr(layers.Activation, "call", recorded("standard", layers.Activation.call))
    return calls


@pytest.mark.slow
@pytest.mark.parametrize("method", ["train_on_batch", "test_on_batch", "predict_on_batch"])
def test_traced_functions_are_not_reused_across_the_block(traced, method):
    model = compiled(small())
    data = labelled()[:1] if method == "predict_on_batch" else labelled()
    traced.clear()
    getattr(model, method)(*data)
    assert set(traced) == {"any", "standard"}
    traced.clear()
    with faster_layers(model):
        getattr(model, method)(*data)
        assert set(traced) == {"any"}
    traced.clear()
    getattr(model, method)(*data)
    assert set(traced) == {"any", "standard"}


LOAD = """
import os, sys
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
model = keras.models.load_model(sys.argv[1])
assert not [name for name in sys.modules if name.startswith("kerasclf")]
np.save(sys.argv[2], model(np.load(sys.argv[3])))
"""


@pytest.mark.slow
def test_a_model_saved_inside_loads_with_keras_alone(tmp_path):
    model = compiled(small())
    images, labels = labelled()
    with faster_layers(model):
        save = keras.callbacks.ModelCheckpoint(str(tmp_path / "inside.keras"))
        model.fit(images, labels, verbose=0, callbacks=[save])
        clone = keras.models.clone_model(model)
    assert all_patched(clone) == [False, False]
    np.save(tmp_path / "images.npy", images)
    paths = [str(tmp_path / name) for name in ("inside.keras", "outputs.npy", "images.npy")]
    subprocess.run([sys.executable, "-c", LOAD, *paths], check=True, cwd=tmp_path)
    np.testing.assert_allclose(np.load(tmp_path / "outputs.npy"), model(images), atol=1e-5)


def fitted(strategy, fused):
    """Returns the weights of a small network after an epoch of four steps, the last with a smaller batch."""
    images, labels = labelled(56, shape=(16, 16, 3))
    keras.utils.set_random_seed(0)
    with devices.make_strategy(strategy).scope():
        model = compiled(small((16, 16, 3)))
        with faster_layers(model) if fused else contextlib.nullcontext():
            model.fit(images, labels, batch_size=16, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("strategy", ["none", pytest.param("mirrored", marks=pytest.mark.slow)])
def test_a_patched_fit_gives_the_same_weights(strategy):
    assert len(tf.config.list_logical_devices("CPU")) == 2
    for one, other in zip(fitted(strategy, True), fitted(strategy, False), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


@pytest.mark.parametrize("strategy", ["none", pytest.param("mirrored", marks=pytest.mark.slow)])
def test_a_repeated_fit_is_bit_identical(strategy):
    for one, other in zip(fitted(strategy, True), fitted(strategy, True), strict=True):
        np.testing.assert_array_equal(one, other)
