"""Phases of a training: frozen weights stay, cached activations train like images, and a kill changes nothing."""

import functools

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ImageDataset
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import predict, train
from kerasclf.transfer import Transfer
from tests.conftest import make_subset
from tests.training.resuming.test_resume import KillAt, Killed
from tests.transfer.conftest import randomize

TRANSFER = Transfer(weights="none", engine="tensorflow")
HEAD = TrainConfig(epochs=2, batch_size=16, unfreeze="head", learning_rate=0.01, jit=False)
STAGE = TrainConfig(epochs=3, batch_size=16, unfreeze="stage2", learning_rate=0.01, jit=False)
TIMES = ["seconds", "images_per_second", "waiting_share"]
SHAPE = (8, 8, 3)
DATA = ImageDataset(
    "memory", "grey levels", ("dark", "middle", "light"),
    make_subset(48, shape=SHAPE), make_subset(18, shape=SHAPE, seed=1), make_subset(18, shape=SHAPE, seed=2),
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASCLF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def network(shape, classes):
    """Returns two stages without biases: before a normalisation their gradients are noise, which Adam would amplify."""
    image = keras.Input(shape, name="image")
    x = keras.layers.Rescaling(1 / 127.5, -1, dtype="float32", name="preprocess")(image)
    x = keras.layers.Conv2D(6, 3, use_bias=False, name="conv1_conv")(x)
    x = keras.layers.ReLU(name="conv1_relu")(keras.layers.BatchNormalization(momentum=0.9, name="conv1_bn")(x))
    x = keras.layers.Conv2D(6, 3, use_bias=False, name="conv2_conv")(x)
    x = keras.layers.ReLU(name="conv2_relu")(keras.layers.BatchNormalization(momentum=0.9, name="conv2_bn")(x))
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pool")(x)
    x = keras.layers.Dense(classes, name="logits")(keras.layers.Dropout(0.3, name="logits_dropout")(x))
    return randomize(keras.Model(image, keras.layers.Softmax(dtype="float32", name="predictions")(x), name="small"))


def fit(config, cache="auto", data=DATA, **arguments):
    transfer = arguments.pop("transfer", TRANSFER.but(cache=cache))
    phases = (*arguments.pop("earlier", ()), config)
    return train(data, Recipe(network, phases, 3, transfer=transfer), **arguments)


@functools.cache
def two_phases():
    """Trains the head, then the last stage too, without interruption."""
    listener = Log()
    return fit(STAGE, earlier=(HEAD,), listener=listener), tuple(listener.lines)


class Log(SilentTrainingListener):
    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


def check_same(one, other):
    assert one.history.drop(columns=TIMES).equals(other.history.drop(columns=TIMES))
    for a, b in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_cached_activations_train_bit_identically_to_images():
    cached, on_images = Log(), Log()
    one, other = fit(STAGE, listener=cached), fit(STAGE, "off", listener=on_images)
    check_same(one, other)
    assert "phase" not in one.history
    # By hand: 3·3·6·6 weights of the second convolution, 2·6 of its normalisation and 6·3 + 3 of the head train.
    trains = "phase 1 of 1: stage2, 3 epochs, 357 trainable weights, 174 frozen, on"
    assert cached.lines[-1] == f"{trains} cached activations of small up to conv1_relu"
    assert on_images.lines == [f"{trains} images (the cache is off)"]


@pytest.mark.slow
def test_cached_activations_train_like_images_in_bfloat16():
    config, close = STAGE.but(precision="mixed_bfloat16"), 2e-2
    cached, on_images = fit(config), fit(config, "off")
    for column in ("loss", "val_loss"):
        np.testing.assert_allclose(cached.history[column], on_images.history[column], rtol=close)
    np.testing.assert_allclose(cached.predict(DATA.test), on_images.predict(DATA.test), atol=close)


def in_one_pass(lines):
    return [line for line in lines if " in one pass: " in line]


@pytest.mark.slow
def test_phases_of_a_run_share_a_pass(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    listener = Log()
    shared = fit(STAGE, earlier=(HEAD,), listener=listener)
    passes = in_one_pass(listener.lines)
    assert [line.partition(" images")[0] for line in passes] == [
        "computing small up to pool, conv1_relu of 48", "computing small up to pool, conv1_relu of 18"
    ]  # fmt: skip
    # The features of the test set would have other values now, so that only the lower cut is computed.
    shared.predict(DATA.test)
    computed = [line for line in listener.lines if line.startswith("computing")]
    assert [line.partition(",")[0] for line in computed[2:]] == ["computing small up to conv1_relu of 18 images"]
    check_same(shared, two_phases()[0])


@pytest.mark.slow
def test_activations_for_another_run_are_bit_identical(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    listener = Log()
    fit(HEAD, also_cache=[("stage2",)], listener=listener)
    assert len(in_one_pass(listener.lines)) == 2
    listener.lines.clear()
    check_same(fit(STAGE, listener=listener), fit(STAGE, "off"))
    assert not any(line.startswith("computing") for line in listener.lines)


@pytest.mark.slow
def test_activations_of_trained_layers_are_not_cached_for_other_runs(tmp_path, monkeypatch):
    """In the second phase the head gets the features of a trained stage."""
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    listener = Log()
    fit(HEAD, earlier=(STAGE,), listener=listener)
    assert in_one_pass(listener.lines) == []
    listener.lines.clear()
    fit(HEAD, listener=listener)
    assert any(line.startswith("computing small up to pool") for line in listener.lines)


@pytest.mark.slow
def test_the_history_names_phases_and_numbers_epochs_over_all_of_them():
    trained, log = two_phases()
    assert trained.history["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert trained.history["phase"].tolist() == [1, 1, 2, 2, 2]
    assert trained.best_epoch == 5
    phases = [line for line in log if line.startswith("phase")]
    assert phases == [
        "phase 1 of 2: head, 2 epochs, 21 trainable weights, 510 frozen, on cached activations of small up to pool",
        "phase 2 of 2: stage2, 3 epochs, 357 trainable weights, 174 frozen, on cached activations of small up to "
        "conv1_relu",
    ]


def test_weights_below_the_cut_do_not_change():
    trained, _ = two_phases()
    core, start = trained.model.get_layer("small"), network(SHAPE, 3)
    same = {
        layer.name: all(np.array_equal(a, b) for a, b in zip(layer.get_weights(), old.get_weights(), strict=True))
        for layer, old in zip(core.layers, start.layers, strict=True)
        if layer.get_weights()
    }
    assert same == {"conv1_conv": True, "conv1_bn": True, "conv2_conv": False, "conv2_bn": False, "logits": False}


def test_the_whole_model_predicts_like_the_trained_part_on_activations(tmp_path):
    trained, _ = two_phases()
    probabilities = trained.predict(DATA.test)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(predict(trained.model, DATA.test, 3), probabilities, rtol=1e-5, atol=1e-6)
    trained.model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(predict(loaded, DATA.test, 3), predict(trained.model, DATA.test, 3))


def test_nothing_is_frozen_in_the_end():
    trained, _ = two_phases()
    assert all(layer.trainable for layer in trained.model.get_layer("small").layers)


@pytest.mark.parametrize(
    "kill",
    [
        pytest.param(KillAt(4, step=2), id="phase 2"),
        pytest.param(KillAt(2), id="the end of phase 1", marks=pytest.mark.slow),
    ],
)
def test_a_resumed_training_is_bit_identical(tmp_path, kill):
    with pytest.raises(Killed):
        fit(STAGE, earlier=(HEAD,), checkpoints=tmp_path, listener=kill)
    resumed = fit(STAGE, earlier=(HEAD,), checkpoints=tmp_path)
    check_same(two_phases()[0], resumed)


@pytest.mark.slow
def test_the_order_of_images_continues_in_the_next_phase():
    """Two equal phases equal one: SGD without momentum has no state, and the seed of dropout belongs to the model."""
    sgd = HEAD.but(optimizer="sgd", epochs=4, learning_rate=0.3)
    one, two = fit(sgd), fit(sgd.but(epochs=2), earlier=(sgd.but(epochs=2),))
    assert one.history["loss"].tolist() == two.history["loss"].tolist()
    assert one.history["val_loss"].tolist() == two.history["val_loss"].tolist()
    for a, b in zip(one.model.get_weights(), two.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("views", [0, 2])
def test_random_changes_are_cached_only_as_views(views):
    listener, flipped = Log(), Augmentation(horizontal_flip=True)
    recipe = Recipe(network, (HEAD.but(epochs=1),), 3, flipped, TRANSFER.but(views=views))
    trained = train(DATA, recipe, listener=listener)
    if views:
        assert f"computing small up to pool of {views * 48} images, once" in listener.lines[0]
        assert listener.lines[-1].endswith("on cached activations of small up to pool")
    else:
        assert [line.partition(", on ")[2] for line in listener.lines] == [
            "images (augmentation changes them in every epoch; `views` would cache some versions)"
        ]
    np.testing.assert_allclose(
        predict(trained.model, DATA.validation, 3), trained.predict(DATA.validation), rtol=1e-5, atol=1e-6
    )


def shifted(subset):
    """Returns the same images at night, with a tenth of the brightness."""
    return type(subset)(type(subset.images)(subset.images.array // 10), subset.labels, subset.names)


def statistics(model):
    return np.concatenate([weight.numpy() for weight in model.weights if weight.name.startswith("moving_")])


@pytest.fixture(scope="module")
def pretrained():
    """Trains a network on grey levels by day."""
    config = TrainConfig(epochs=12, batch_size=8, learning_rate=0.02, jit=False)
    model = fit(config, transfer=None).model
    return model.get_layer("small").get_weights(), statistics(model)


# "auto" is "frozen" where weights are given.
@pytest.mark.slow
@pytest.mark.parametrize("batch_norm", ["auto", pytest.param("frozen", marks=pytest.mark.slow), "trained"])
def test_statistics_drift_on_other_images_unless_they_are_frozen(pretrained, batch_norm):
    """The trap of fine-tuning on small batches: weights hardly change, but the network forgets its task."""
    weights, before = pretrained

    def start(shape, classes):
        model = network(shape, classes)
        model.set_weights(weights)
        return model

    night = ImageDataset("memory", "night", DATA.class_names, *(shifted(p) for p in (DATA.train, DATA.validation)),
                         DATA.test)  # fmt: skip
    config = TrainConfig(epochs=2, batch_size=4, optimizer="sgd", learning_rate=1e-5, jit=False)
    transfer = Transfer(weights="model.keras", batch_norm=batch_norm)
    trained = train(night, Recipe(start, (config,), 3, transfer=transfer))
    after = statistics(trained.model)
    by_day = np.mean(predict(trained.model, DATA.test, 3).argmax(1) == DATA.test.labels)
    if batch_norm == "trained":
        assert (after != before).all()
        assert by_day <= 0.5
    else:
        np.testing.assert_array_equal(after, before)
        assert by_day >= 0.9
    for layer in ("conv1_conv", "conv2_conv", "logits"):
        old = start(SHAPE, 3).get_layer(layer).get_weights()[0]
        np.testing.assert_allclose(trained.model.get_layer("small").get_layer(layer).get_weights()[0], old, atol=1e-2)
