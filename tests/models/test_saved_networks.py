"""Saved models as starting points: with their weights and normalisation, of any number of classes."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasclf.errors import KerasclfError
from kerasclf.models import build, default_sizes, takes_raw_pixels
from kerasclf.networks.network_source import saved_image_size, source_digest
from kerasclf.training.devices import precision
from kerasclf.transfer.cuts import Cuts

SHAPE = (8, 8, 1)


def images(dtype="float32"):
    return np.random.default_rng(0).integers(0, 256, (4, *SHAPE)).astype(dtype)


def core(units=()):
    image = keras.Input(SHAPE, name="image")
    x = layers.BatchNormalization()(layers.Conv2D(2, 3)(layers.Rescaling(1 / 255, name="rescale")(image)))
    x = layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    return keras.Model(image, layers.Dense(3, activation="softmax", dtype="float32", name="predictions")(x))


def raw(network, **settings):
    """A model as kerasclf saves it: the normalisation, then the network."""
    image = keras.Input(SHAPE, dtype="uint8", name="image")
    return keras.Model(image, network(layers.Rescaling(2.0, dtype="float32", name="rescale", **settings)(image)))


@pytest.fixture
def saved(tmp_path):
    model = raw(core())
    model.set_weights([np.random.default_rng(1).uniform(0.1, 1, w.shape) for w in model.get_weights()])
    model.get_layer(index=-1).trainable = False  # a run that trained the head alone saves it so
    model.save(tmp_path / "model.keras")
    return model, str(tmp_path / "model.keras")


def test_a_saved_network_is_flat_and_computes_the_same(saved):
    model, path = saved
    again = build(path, SHAPE, 3)
    assert [layer.name for layer in again.layers[:3]] == ["image", "rescale", "rescale_1"]
    assert not any(isinstance(layer, keras.Model) for layer in again.layers)
    assert all(layer.trainable for layer in again.layers)
    np.testing.assert_allclose(again(images()), model(images("uint8")), atol=1e-6)
    assert default_sizes(path) == (SHAPE, 3)
    assert takes_raw_pixels(path)
    assert saved_image_size(path) == (8, 8)


def test_it_takes_a_new_head_for_other_classes_and_sizes(saved):
    model, path = saved
    again = build(path, (16, 12, 1), 7, {"head": (5,)})
    assert again.output_shape == (None, 7)
    for name in ("conv2d", "batch_normalization"):
        own = [layer for layer in again.layers if layer.name.startswith(name)]
        [inner] = [layer for layer in model.layers[-1].layers if layer.name.startswith(name)]
        np.testing.assert_array_equal(own[0].get_weights()[0], inner.get_weights()[0])
    assert Cuts(again).freeze("head", True).frozen == (9 * 2 + 2) + (2 + 2)  # running averages never train


def test_it_keeps_its_top_only_for_as_many_classes(saved):
    with pytest.raises(KerasclfError, match=r"num_classes: expected 3, the number of .*model_args={'head': \(\)}"):
        build(saved[1], SHAPE, 4)


def test_a_changed_file_is_refused(saved):
    source = source_digest(saved[1])
    raw(core()).save(saved[1])
    with pytest.raises(KerasclfError, match="has changed since the experiment was made"):
        build(saved[1], SHAPE, 3, source=source)


def test_a_fixed_size_is_named(tmp_path):
    image = keras.Input(SHAPE)
    path = str(tmp_path / "fixed.keras")
    keras.Model(image, layers.Dense(3, activation="softmax")(layers.Flatten()(image))).save(path)
    assert not takes_raw_pixels(path)
    with pytest.raises(KerasclfError, match=r"input_shape: expected \(8, 8, 1\), the size of fixed\. Received: \(9,"):
        build(path, (9, 9, 1), 3)


def test_whitening_stays_frozen(tmp_path):
    image = keras.Input(SHAPE)
    x = layers.Dense(64, use_bias=False, trainable=False, name="zca")(layers.Flatten()(image))
    keras.Model(image, layers.Dense(3, activation="softmax")(x)).save(tmp_path / "zca.keras")
    again = build(str(tmp_path / "zca.keras"), SHAPE, 3)
    Cuts(again).freeze("all", False)
    assert [layer.name for layer in again.layers if not layer.trainable] == ["zca"]


def test_mixed_precision_becomes_that_of_the_experiment(tmp_path):
    with precision("mixed_bfloat16"):
        raw(core()).save(tmp_path / "mixed.keras")
    again = build(str(tmp_path / "mixed.keras"), SHAPE, 3)
    assert {layer.compute_dtype for layer in again.layers} == {"float32"}


def test_code_in_a_file_is_refused(tmp_path):
    image = keras.Input(SHAPE)
    model = keras.Model(image, layers.Dense(3, activation="softmax")(layers.Lambda(lambda x: x[:, 0, 0])(image)))
    model.save(tmp_path / "lambda.keras")
    with pytest.raises(KerasclfError, match=r"lambda\.keras cannot be loaded: .* without Lambda layers and classes"):
        build(str(tmp_path / "lambda.keras"), SHAPE, 3)


def test_a_damaged_file_and_another_kind_of_model_are_refused(tmp_path):
    (tmp_path / "damaged.keras").write_bytes(b"PK nothing")
    assert saved_image_size(str(tmp_path / "damaged.keras")) is None
    with pytest.raises(KerasclfError, match=r"damaged\.keras cannot be read"):
        build(str(tmp_path / "damaged.keras"), SHAPE, 3)
    image = keras.Input(SHAPE)
    keras.Model(image, layers.Conv2D(2, 3)(image)).save(tmp_path / "map.keras")
    with pytest.raises(KerasclfError, match="Expected a functional model from one image to class probabilities"):
        build(str(tmp_path / "map.keras"), SHAPE, 3)
