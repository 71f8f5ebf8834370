"""Pretrained weights are read from every kind of file, and those of other networks are refused."""

import functools
import re

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from kerasclf import Augmentation, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.models import backbones, default_weights, find_pretrained, load_pretrained
from kerasclf.models.backbones import Backbone, backbone, bare
from kerasclf.models.heads import FEATURES
from kerasclf.models.weights import pretrained
from kerasclf.models.weights.keras_files import read_keras_file
from kerasclf.networks.network_checks import file_forms
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train


def tiny(include_top, weights, input_tensor=None, width=4, extra=None):
    """Imitates a network of keras.applications: one layer is a model, and some layers have no name."""
    assert not include_top
    image = keras.Input((None, None, 3)) if input_tensor is None else input_tensor
    x = keras.Sequential(
        [layers.Conv2D(3, 1, name="stem_conv"), layers.LayerNormalization(name="stem_ln")], name="stem"
    )(image)
    x = layers.Conv2D(3, 3, name="conv1_conv")(x)
    x = layers.BatchNormalization(name="conv1_bn")(x)
    x = layers.BatchNormalization()(layers.Conv2D(width, 1)(x))
    x = layers.Conv2D(2, 1)(x)
    x = layers.Conv2D(2, 1, name=extra)(x) if extra else x
    return keras.Model(image, layers.ReLU(name="relu")(x), name="tiny")


@pytest.fixture(autouse=True)
def _tiny_ones(monkeypatch):
    for name, application in {
        "tiny": tiny,
        "wide": functools.partial(tiny, width=5),
        "long": functools.partial(tiny, extra="conv9_conv"),
    }.items():
        monkeypatch.setitem(backbones.BACKBONES, name, Backbone(application, lambda x: x, "nobody", least=8))


def randomized(model, seed=1):
    rng = np.random.default_rng(seed)
    model.set_weights([rng.uniform(0.1, 1, weight.shape) for weight in model.weights])
    return model


def save_legacy(model, path, nested=False):
    """Writes a file in the form of keras.applications."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if nested else file
        root.attrs["layer_names"] = np.array([layer.name.encode() for layer in model.layers])
        for layer in model.layers:
            group = root.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = np.array([name.encode() for name in names])
            for name, array in zip(names, layer.get_weights(), strict=True):
                group[name] = array


def save_run(model, path):
    """Saves a network as a run does: inside a model of raw images."""
    image = keras.Input((32, 32, 3), dtype="uint8")
    keras.Model(image, model(layers.Rescaling(1.0)(image)), name="raw").save(path)


def network(name="tiny", classes=3):
    return backbone(name, (32, 32, 3), classes)


# File name → function that writes the weights of a network without top.
FILES = {
    "model.keras": lambda model, path: model.save(path),
    "run.keras": save_run,
    "model.weights.h5": lambda model, path: model.save_weights(path),
    "legacy.h5": save_legacy,
    "whole.h5": functools.partial(save_legacy, nested=True),
}


def layers_of(model):
    return [layer.get_weights() for layer in model.layers if layer.weights]


def check_same(one, other):
    assert len(one) == len(other)
    for arrays, others in zip(one, other, strict=True):
        for a, b in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", FILES)
def test_every_array_arrives_from_every_kind_of_file(tmp_path, name):
    source = randomized(bare("tiny"))
    FILES[name](source, tmp_path / name)
    found = network()
    head = found.get_layer("logits").get_weights()
    load_pretrained(found, "tiny", str(tmp_path / name))
    check_same(layers_of(found)[:-1], layers_of(source))
    check_same([found.get_layer("logits").get_weights()], [head])


def test_a_network_with_another_head_is_a_source_too(tmp_path):
    source = randomized(network(classes=7))
    save_run(source, tmp_path / "run.keras")
    found = network(classes=3)
    load_pretrained(found, "tiny", str(tmp_path / "run.keras"))
    check_same(layers_of(found)[:-1], layers_of(source)[:-1])


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ("run.keras", "legacy.h5") else pytest.mark.slow) for name in FILES]
)
def test_layers_without_a_name_are_found_whatever_number_keras_gave_them(tmp_path, name):
    """InceptionV3 and Xception have such layers. Keras numbers them through the whole process."""
    keras.backend.clear_session()
    for _ in range(9):
        layers.Conv2D(1, 1)
    source = randomized(bare("tiny"))
    names = [layer.name for layer in source.layers if layer.name.startswith("conv2d")]
    assert names == ["conv2d_9", "conv2d_10"]  # which do not sort as numbers
    FILES[name](source, tmp_path / name)
    first, second = network(), network()
    assert [layer.name for layer in first.layers] != [layer.name for layer in second.layers]
    for found in (first, second):
        load_pretrained(found, "tiny", str(tmp_path / name))
        check_same(layers_of(found)[:-1], layers_of(source))


def test_own_networks_without_names_take_the_weights_of_their_file_again_and_again(tmp_path):
    """Keras numbers layers of every class through the whole process."""

    def own():
        image = keras.Input((8, 8, 3))
        x = layers.DepthwiseConv2D(3)(layers.SeparableConv2D(4, 3)(image))
        x = layers.GroupNormalization(2)(layers.PReLU(shared_axes=[1, 2])(x))
        x = layers.Dense(5)(layers.GlobalAveragePooling2D()(x))
        return keras.Model(image, layers.Dense(3)(x))

    source = randomized(own())
    source.save(tmp_path / "own.keras")
    for _ in range(2):
        found = own()
        load_pretrained(found, "own", str(tmp_path / "own.keras"), top=True)
        check_same(layers_of(found), layers_of(source))


@pytest.mark.parametrize(
    ("name", "other", "differs"),
    [
        *((name, "long", "conv9_conv") for name in FILES),
        ("model.keras", "wide", "conv2d"),
        *(pytest.param(name, "wide", "conv2d", marks=pytest.mark.slow) for name in FILES if name != "model.keras"),
    ],
)
def test_a_file_of_another_network_names_the_first_layer_that_differs(tmp_path, name, other, differs):
    FILES[name](randomized(bare("tiny")), tmp_path / name)
    with pytest.raises(KerasclfError) as caught:
        load_pretrained(network(other), other, str(tmp_path / name))
    log = str(caught.value)
    start = f"Expected weights of {other}. Received: {tmp_path / name}, of which the first layer that differs is "
    assert re.match(rf"{re.escape(start)}{differs}(_\d+)?\b", log), log
    assert log.endswith(f". Give a file of {other} as `weights`, or choose another network.")


def test_what_differs_is_told(tmp_path):
    save_legacy(bare("tiny"), tmp_path / "tiny.h5")
    with pytest.raises(KerasclfError, match=r"conv9_conv, which is missing\. Give"):
        load_pretrained(network("long"), "long", str(tmp_path / "tiny.h5"))
    with pytest.raises(
        KerasclfError, match=r": expected \[\(1, 1, 3, 5\), \(5,\)\], received \[\(1, 1, 3, 4\), \(4,\)\]"
    ):
        load_pretrained(network("wide"), "wide", str(tmp_path / "tiny.h5"))


def test_none_leaves_random_weights():
    found = network()
    before = layers_of(found)
    load_pretrained(found, "tiny", "none")
    check_same(layers_of(found), before)
    assert find_pretrained("basenet", "none") == {}


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(KerasclfError) as caught:
        find_pretrained("tiny", str(tmp_path / "lost.keras"))
    assert str(caught.value) == (
        f"weights: expected 'imagenet', 'none' or a file: {file_forms('tiny')}. Received: "
        f"'{tmp_path / 'lost.keras'}', which does not exist."
    )


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_bytes(b"")
    with pytest.raises(KerasclfError) as caught:
        find_pretrained("tiny", str(path))
    assert str(caught.value) == (f"weights: expected a file {file_forms('tiny')} for tiny. Received: '{path}'.")


@pytest.mark.parametrize("name", ["model.keras", "model.weights.h5", "legacy.h5"])
@pytest.mark.parametrize("content", [b"", b"no weights", "truncated"])
def test_a_damaged_file_is_named(tmp_path, name, content):
    path = tmp_path / name
    FILES[name](bare("tiny"), path)
    path.write_bytes(path.read_bytes()[:3000] if content == "truncated" else content)
    with pytest.raises(KerasclfError, match=re.escape(str(path))):
        find_pretrained("tiny", str(path))


def test_a_network_of_our_own_has_no_pretrained_weights():
    with pytest.raises(KerasclfError) as caught:
        find_pretrained("basenet", "imagenet")
    assert str(caught.value).startswith(
        "weights: basenet has no ImageNet weights. Give a file, or 'none'. Networks with ImageNet weights: alexnet, "
    )


def test_without_a_network_it_says_what_to_do(monkeypatch):
    def offline(architecture, weights=None):
        raise Exception("URL fetch failure on https://storage.googleapis.com: None")

    monkeypatch.setattr("kerasclf.models.weights.pretrained.bare", offline)
    with pytest.raises(KerasclfError) as caught:
        find_pretrained("keras_resnet50", "imagenet")
    assert str(caught.value) == (
        "The ImageNet weights of keras_resnet50 are not on this machine and could not be downloaded (URL fetch failure "
        "on https://storage.googleapis.com: None). Give a file as `weights`, or 'none' to start from random weights. "
        "keras.applications stores its downloads in ~/.keras/models; copy the file from a machine with a network "
        "connection."
    )


@pytest.mark.slow
def test_mobilenet_is_not_resnet(tmp_path):
    """Two real networks of keras.applications."""
    path = tmp_path / "mobilenet.h5"
    save_legacy(bare("mobilenet_v2"), path)
    with pytest.raises(
        KerasclfError,
        match=r"Expected weights of keras_resnet50\. .* the first layer that differs is conv1_conv, which",
    ):
        load_pretrained(backbone("keras_resnet50", (32, 32, 3), 2), "keras_resnet50", str(path))


def test_the_default_weights_are_those_preferred_or_none_with_the_reason(tmp_path, monkeypatch):
    assert default_weights("tiny", "none") == ("none", "")
    missing = default_weights("tiny", str(tmp_path / "tiny.h5"))
    assert missing.weights == "none"
    assert missing.notice.splitlines()[0].endswith(f"Received: '{tmp_path / 'tiny.h5'}', which does not exist.")
    assert missing.notice.endswith("Using random weights instead; they show random features, not transfer learning.")
    file = tmp_path / "mobilenet_v2_notop.weights.h5"
    file.touch()
    monkeypatch.setattr("kerasclf.models.weights.pretrained.find_pretrained", lambda architecture, weights: {})
    assert default_weights("mobilenet_v2", str(tmp_path)) == (str(file), "")


def test_a_file_is_read_once_until_it_changes(tmp_path, monkeypatch):
    reads, path = [], tmp_path / "model.weights.h5"

    def read(path, architecture):
        reads.append(architecture)
        return read_keras_file(path, architecture)

    monkeypatch.setattr(pretrained, "read_keras_file", read)
    for seed in (1, 2):
        source = randomized(bare("tiny"), seed)
        source.save_weights(path)
        for _ in range(2):
            found = network()
            load_pretrained(found, "tiny", str(path))
            check_same(layers_of(found)[:-1], layers_of(source))
    assert reads == ["tiny", "tiny"]
    path.write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(KerasclfError, match="cannot be read"):
            find_pretrained("tiny", str(path))


@pytest.mark.slow
def test_weights_that_were_read_before_change_no_bit_of_a_training(tmp_path, dataset):
    path = tmp_path / "model.weights.h5"
    randomized(bare("tiny")).save_weights(path)

    def dropping(shape, classes):
        whole = backbone("tiny", shape, classes)
        features = layers.Dropout(0.5)(whole.get_layer(FEATURES).output)
        model = keras.Model(whole.input, layers.Dense(classes, activation="softmax", name="logits")(features))
        load_pretrained(model, "tiny", str(path))
        return model

    changes = Augmentation(rescale=1 / 255, horizontal_flip=True)
    recipe = Recipe(dropping, (TrainConfig(epochs=1, jit=False),), seed=1, augmentation=changes)
    pretrained._kept.cache_clear()
    first, second = (train(dataset, recipe).model.get_weights() for _ in range(2))
    assert pretrained._kept.cache_info().hits == 1
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one, other)


def test_the_weights_of_several_networks_are_kept_downloads_included(tmp_path, monkeypatch):
    made = []

    def counted(architecture, weights=None):
        made.append((architecture, weights))
        return bare(architecture)

    monkeypatch.setattr(pretrained, "bare", counted)
    pretrained._kept.cache_clear()
    for name in ("tiny", "wide"):
        randomized(bare(name)).save_weights(tmp_path / f"{name}.weights.h5")
    first, second = (
        [
            find_pretrained(name, weights)
            for name in ("tiny", "wide")
            for weights in ("imagenet", of_file(tmp_path, name))
        ]
        for _ in range(2)
    )
    assert all(one is other for one, other in zip(first, second, strict=True))
    assert made == [("tiny", "imagenet"), ("wide", "imagenet")]
    pretrained._kept.cache_clear()


def of_file(folder, name):
    return str(folder / f"{name}.weights.h5")
