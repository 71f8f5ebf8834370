"""The remedies for classes of unequal size: the rare class is found more often, and runs stay reproducible."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.data import ImageDataset
from kerasclf.errors import KerasclfError
from kerasclf.runs.experiment import Experiment
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.rate_finder import find_learning_rate
from kerasclf.training.recipe import Recipe
from kerasclf.training.resuming.checkpoints import latest_checkpoint
from kerasclf.training.train import train
from kerasclf.training.training_setup import prepare
from kerasclf.transfer import Transfer
from tests.conftest import make_subset
from tests.transfer.conftest import small_network

REMEDIES = [{"class_weight": "balanced"}, {"oversampling": "balanced"}, {"logit_adjustment": 1.0}]


@pytest.fixture(scope="module")
def unequal():
    """4, 32 and 32 training images of three grey levels."""
    train_set = make_subset(96, shape=(8, 8, 3))
    kept = np.concatenate([np.flatnonzero(train_set.labels == 0)[:4], np.flatnonzero(train_set.labels > 0)])
    others = [make_subset(30, shape=(8, 8, 3), seed=seed) for seed in (1, 2)]
    return ImageDataset("memory", "greys", ("dark", "middle", "light"), train_set.take(kept), *others)


def tiny(shape, classes):
    image = keras.Input(shape)
    x = keras.layers.Flatten()(image)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax", dtype="float32")(x))


def recipe_of(transfer=None, augmentation=None, network=None, **fields):
    config = TrainConfig(**{"epochs": 4, "batch_size": 16, "jit": False, **fields})
    return Recipe(network or tiny, (config,), 0, augmentation or Augmentation(rescale=1 / 255), transfer)


class Lines(SilentTrainingListener):
    def __init__(self):
        self.lines, self.steps = [], []

    def log(self, line):
        self.lines.append(line)

    def began(self, epochs, steps, rows):
        self.steps.append(steps)


def recall_of_the_rare_class(dataset, **fields):
    return train(dataset, recipe_of(**fields)).predict(dataset.test)[dataset.test.labels == 0, 0].mean()


@pytest.mark.parametrize("names", [("dark", "middle", "light"), ("dark", "middle", "light", "none")])
def test_the_mean_weight_of_the_images_is_one(unequal, names):
    weights = prepare(replace(unequal, class_names=names), recipe_of(class_weight="balanced")).class_weight
    assert weights == pytest.approx({0: 68 / 12, 1: 68 / 96, 2: 68 / 96})
    assert np.mean([weights[label] for label in unequal.train.labels]) == pytest.approx(1.0)


@pytest.mark.slow
def test_each_remedy_makes_the_rare_class_more_probable(unequal):
    without = recall_of_the_rare_class(unequal)
    for remedy in REMEDIES:
        assert recall_of_the_rare_class(unequal, **remedy) > without + 0.05


def test_oversampling_says_how_many_images_an_epoch_has(unequal):
    lines = Lines()
    trained = train(unequal, recipe_of(epochs=1, oversampling="balanced"), listener=lines)
    assert lines.lines == ["oversampling: 96 images per epoch, of 68 training images"]
    assert lines.steps == [6]
    row = trained.history.iloc[0]
    assert 0 < row["images_per_second"] * row["seconds"] == pytest.approx(96)
    assert len(trained.predict(unequal.test)) == 30  # test images are not oversampled


def test_oversampling_repeats_no_image_of_equal_classes(dataset):
    setup = prepare(dataset, recipe_of(oversampling="balanced"))
    assert (setup.images, setup.steps) == (96, 6)


def test_validation_images_are_not_oversampled(unequal):
    setup = prepare(unequal, recipe_of(oversampling="balanced"))
    labels = np.concatenate([labels for _, labels in setup.validation.as_numpy_iterator()])
    assert labels.sum(axis=0).tolist() == [10, 10, 10]


class HaltAt(SilentTrainingListener):
    def finished_epoch(self, row):
        if row["epoch"] == 2:
            raise KeyboardInterrupt


# tests/training/test_phase_inputs.py has a fast test of the same kind.
@pytest.mark.slow
@pytest.mark.parametrize("remedy", [{"oversampling": "balanced"}, {"loss": "focal", "logit_adjustment": 1.0}])
def test_a_resumed_training_is_bit_identical(unequal, tmp_path, remedy):
    recipe = recipe_of(**remedy)
    whole = train(unequal, recipe)
    with pytest.raises(KeyboardInterrupt):
        train(unequal, recipe, checkpoints=tmp_path, listener=HaltAt())
    assert latest_checkpoint(tmp_path / "phase-1", print).epoch == 1
    resumed = train(unequal, recipe, checkpoints=tmp_path)
    timeless = whole.history.columns.difference(["seconds", "images_per_second", "waiting_share"])
    assert whole.history[timeless].equals(resumed.history[timeless])
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", [*REMEDIES, {"loss": "focal"}])
def test_two_devices_train_like_one(unequal, remedy):
    one, two = (
        train(unequal, recipe_of(strategy=strategy, batch_size=34, **remedy)) for strategy in ("none", "mirrored")
    )
    for first, second in zip(one.model.get_weights(), two.model.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("remedy", [{"logit_adjustment": 1.0}, {"loss": "focal"}])
def test_mixed_precision_trains(unequal, remedy):
    trained = train(unequal, recipe_of(precision="mixed_bfloat16", **remedy))
    assert trained.history["loss"].iloc[-1] < trained.history["loss"].iloc[0]


@pytest.mark.slow
@pytest.mark.parametrize("remedy", REMEDIES)
def test_cached_activations_train_like_images(unequal, monkeypatch, tmp_path, remedy):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    found = {}
    for cache in ("auto", "off"):
        transfer = Transfer(weights="none", batch_norm="frozen", cache=cache, engine="tensorflow")
        network = lambda shape, classes: small_network(shape, classes)  # noqa: E731
        recipe = recipe_of(transfer, Augmentation(), network, unfreeze="head", **remedy)
        found[cache] = train(unequal, recipe).predict(unequal.test)
    np.testing.assert_allclose(found["auto"], found["off"], atol=1e-5)


@pytest.mark.slow
def test_the_rate_finder_weighs_the_classes(unequal):
    """Weights of other classes give other losses."""
    losses = [
        find_learning_rate(prepare(unequal, recipe_of(**fields)), 1e-4, 1e-1, steps=50).losses[0]
        for fields in ({}, {"class_weight": "balanced"})
    ]
    assert losses[0] != losses[1]


def test_flaws_that_exclude_a_remedy_are_refused():
    with pytest.raises(KerasclfError, match=r"softmax_twice: expected `loss` to be 'crossentropy' and no `logit_adj"):
        Experiment(flaws=("softmax_twice",), train=TrainConfig(loss="focal"))
    with pytest.raises(KerasclfError, match=r"unshuffled: expected no `oversampling`, which shuffles the images\."):
        Experiment(flaws=("unshuffled",), train=TrainConfig(oversampling="balanced"))


def test_the_saved_network_predicts_without_the_adjustment(unequal):
    """Its last layer is a plain softmax: the probabilities of the run are those of the saved model."""
    trained = train(unequal, recipe_of(epochs=1, logit_adjustment=1.0))
    images = unequal.test.images.read(np.arange(30))
    np.testing.assert_allclose(trained.model.predict(images, verbose=0), trained.predict(unequal.test), atol=1e-6)
    assert isinstance(trained.model, keras.Model)
