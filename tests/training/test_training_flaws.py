"""Each flaw of training has its effect, and a sound training has none of them."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.data.data_flaws import spoil
from kerasclf.data.dataset import SETS
from kerasclf.data.image_sources import ArrayImages
from kerasclf.errors import KerasclfError
from kerasclf.runs.metrics import cross_entropy
from kerasclf.training import EarlyStopping
from kerasclf.training.assembly import build_model
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train
from kerasclf.training.training_flaws import SoftmaxTwice, check_statistics, statistics_shifts
from kerasclf.training.training_setup import prepare
from tests.training.test_phase_inputs import DATA, HEAD, TRANSFER, network

FEATUREWISE = Augmentation(featurewise_center=True, featurewise_std_normalization=True)
ONE = TrainConfig(epochs=1, batch_size=16, jit=False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))


def test_the_loss_of_a_second_softmax_has_a_floor():
    model = keras.Sequential([keras.Input((10,)), keras.layers.Activation("softmax")])
    model.compile(loss=SoftmaxTwice())
    loss = model.evaluate(1000 * np.eye(10), np.eye(10), verbose=0)
    assert loss == pytest.approx(np.log(1 + 9 / np.e))
    assert loss == pytest.approx(1.4612, abs=1e-4)


def dense(shape, classes):
    image = keras.Input(shape)
    grey = keras.layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(grey))


@pytest.mark.slow
def test_a_network_without_errors_stays_above_the_floor():
    config = TrainConfig(epochs=12, batch_size=16, learning_rate=0.1, jit=False)
    flawed = train(DATA, Recipe(dense, (config,), augmentation=FEATUREWISE, flaws=("softmax_twice",)))
    floor = np.log(1 + 2 / np.e)  # three classes: 0.551
    assert flawed.history["loss"].min() > floor
    assert flawed.history["accuracy"].iloc[-1] == 1
    assert cross_entropy(DATA.train.labels, flawed.predict(DATA.train)) < floor


@pytest.mark.parametrize(("flaws", "sets"), [((), ("train",)), (("statistics_of_all",), SETS)])
def test_the_statistics_are_those_of_the_known_sets(flaws, sets):
    built = build_model(DATA, Recipe(network, (ONE,), augmentation=FEATUREWISE, flaws=flaws))
    images = np.concatenate([DATA.subset(subset).images.array for subset in sets]).astype(np.float64)
    layer = next(step for step in built.assembled.front.layers if step.name == "featurewise")
    np.testing.assert_allclose(np.ravel(layer.mean)[:3], images.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(np.sqrt(np.ravel(layer.variance)[:3]), images.std((0, 1, 2)), rtol=1e-5)


def test_the_statistics_shift_by_grey_levels():
    """Training images of level 100, others of 160: 12 of 24 images each have the mean 130 and the deviation 30."""
    flat = {
        name: replace(
            DATA.subset(name).take(np.arange(count)), images=ArrayImages(np.full((count, 4, 4, 3), level, "u1"))
        )
        for name, count, level in (("train", 12, 100), ("validation", 6, 160), ("test", 6, 160))
    }
    shifts = statistics_shifts(replace(DATA, **flat))
    assert shifts == {"mean_shift": pytest.approx(30), "deviation_shift": pytest.approx(30)}


def test_red_and_blue_are_exchanged_before_the_network():
    sound, flawed = (build_model(DATA, Recipe(network, (ONE,), flaws=flaws)) for flaws in ((), ("swapped_channels",)))
    flawed.assembled.core.set_weights(sound.assembled.core.get_weights())
    images = DATA.test.images.array[:5]
    seen = np.asarray(flawed.assembled.front(images))
    np.testing.assert_array_equal(seen, images[..., ::-1])
    np.testing.assert_array_equal(flawed.assembled.model(images), sound.assembled.model(images[..., ::-1].copy()))


def batches(flaws, seed=0):
    data = spoil(DATA, flaws)
    setup = prepare(data, Recipe(network, (ONE,), seed, flaws=flaws))
    return [labels_of_epoch(setup, epoch) for epoch in range(2)]


def labels_of_epoch(setup, epoch):
    setup.epoch.number = epoch
    return np.concatenate([np.asarray(labels).argmax(1) for _, labels in setup.batches]).tolist()


def test_unshuffled_batches_come_in_the_same_order_in_every_epoch():
    assert batches(("unshuffled",)) == [[0] * 16 + [1] * 16 + [2] * 16] * 2
    first, second = batches(())
    assert first != second


def statistics(model):
    return [weight.numpy() for weight in model.weights if "moving" in weight.path]


def head_of(flaws):
    recipe = Recipe(network, (HEAD,), transfer=TRANSFER, flaws=flaws)
    built, trained = build_model(DATA, recipe), train(DATA, recipe)
    return statistics(built.assembled.core), trained


@pytest.mark.slow
def test_statistics_of_a_frozen_network_change_and_its_weights_do_not():
    before, flawed = head_of(("batch_norm_learns",))
    assert all((a != b).any() for a, b in zip(before, statistics(flawed.model), strict=True))
    _, sound = head_of(())
    for a, b in zip(before, statistics(sound.model), strict=True):
        np.testing.assert_array_equal(a, b)
    for mine, other in zip(flawed.model.weights, sound.model.weights, strict=True):
        if "moving" not in mine.path and "logits" not in mine.path:
            np.testing.assert_array_equal(mine, other)
    assert len(flawed.model.trainable_weights) == len(sound.model.trainable_weights)


def test_the_statistics_are_those_of_the_batches():
    """Checked after the first convolution, with one batch of all images and momentum 0.9."""
    config = HEAD.but(epochs=1, batch_size=len(DATA.train))
    before, _ = head_of(())
    trained = train(DATA, Recipe(network, (config,), transfer=TRANSFER, flaws=("batch_norm_learns",)))
    kernel = next(weight for weight in trained.model.weights if weight.path.startswith("conv1_conv")).numpy()
    seen = keras.ops.conv(DATA.train.images.array / np.float32(127.5) - 1, kernel)
    expected = 0.9 * before[0] + 0.1 * np.asarray(seen).mean((0, 1, 2))
    np.testing.assert_allclose(statistics(trained.model)[0], expected, rtol=1e-4)


def test_a_network_without_statistics_cannot_lose_them():
    image = keras.Input((4, 4, 3))
    bare = keras.Model(image, keras.layers.Conv2D(2, 1)(image), name="bare")
    norm = keras.layers.BatchNormalization()
    normed = keras.Model(image, norm(image), name="normed")
    with pytest.raises(KerasclfError, match=r"^batch_norm_learns: expected .* That of bare has none\. Choose another"):
        check_statistics(bare, pretrained=False)
    check_statistics(normed, pretrained=False)
    with pytest.raises(KerasclfError, match=r"That of normed holds no statistics, because it was folded"):
        check_statistics(normed, pretrained=True)
    norm.moving_mean.assign([0.0, 0.1, 0.0])
    check_statistics(normed, pretrained=True)


def with_random_labels(data):
    rng = np.random.default_rng(0)
    return replace(data, **{
        name: replace(data.subset(name), labels=rng.permutation(data.subset(name).labels)) for name in SETS
    })  # fmt: skip


@pytest.mark.slow
def test_choosing_the_epoch_on_the_test_set_does_not_change_the_training():
    stopping = EarlyStopping(monitor="val_accuracy", patience=8)
    choosing = TrainConfig(epochs=8, batch_size=16, learning_rate=0.1, jit=False, early_stopping=stopping)
    noisy = with_random_labels(DATA)
    recipe = Recipe(dense, (choosing,), augmentation=FEATUREWISE)
    sound, flawed = train(noisy, recipe), train(spoil(noisy, ("choose_on_test",)), recipe)
    assert flawed.history["loss"].tolist() == sound.history["loss"].tolist()
    right = flawed.predict(noisy.test).argmax(1) == noisy.test.labels
    assert right.mean() == pytest.approx(flawed.history["val_accuracy"].max())
    assert right.mean() >= (sound.predict(noisy.test).argmax(1) == noisy.test.labels).mean()
