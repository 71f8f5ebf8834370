"""A learning-rate search on a small network: the rate it proposes. The model does not change."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.errors import TrainingError
from kerasclf.training import Schedule
from kerasclf.training.rate_finder import find_learning_rate
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train
from kerasclf.training.training_setup import prepare

SCALED = Augmentation(rescale=1 / 255)


def softmax(shape, classes):
    """Returns a softmax regression on a coarse view of the image, a convex problem."""
    image = keras.Input(shape)
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(image))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax", name="logits")(x), name="softmax")


def noisy(shape, classes):
    """Returns a network with moving statistics and a random state, which training changes too."""
    image = keras.Input(shape)
    x = keras.layers.BatchNormalization()(keras.layers.AveragePooling2D(8)(image))
    x = keras.layers.Dropout(0.2)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x), name="noisy")


def config(**fields):
    return TrainConfig(**{"epochs": 3, "batch_size": 16, "optimizer": "sgd", "jit": False, **fields})


def recipe(network, config):
    return Recipe(network, (config,), augmentation=SCALED)


@pytest.mark.slow
def test_the_proposed_rate_trains_and_is_far_below_divergence(dataset):
    settings = config(schedule=Schedule("cosine"), steps_per_execution=4, batch_size=48, epochs=8)
    setup = prepare(dataset, recipe(softmax, settings))
    curve = find_learning_rate(setup, lowest=1e-4, highest=1000.0)
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed) < 100
    np.testing.assert_allclose(curve.rates, np.geomspace(1e-4, 1000, 100)[: len(curve.rates)])
    assert curve.proposed < curve.rates[-1] / 10
    found, high = (
        train(dataset, recipe(softmax, settings.but(learning_rate=rate))).history["loss"]
        for rate in (curve.proposed, float(curve.rates[-1]) * 10)
    )
    assert found.is_monotonic_decreasing
    assert found.iloc[-1] < 0.97 * found.iloc[0]
    assert high.max() > 4 * found.max()
    assert setup.model.optimizer.iterations == 0
    assert setup.model.steps_per_execution == 4


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"strategy": "mirrored"}, marks=pytest.mark.slow),
        {"optimizer": "adam", "precision": "mixed_float16", "layer_decay": 0.5},
    ],
)
def test_the_model_does_not_change(dataset, fields):
    setup = prepare(dataset, recipe(noisy, config(**fields)))
    setup.epoch.number = 7
    before = [np.array(variable) for variable in setup.model.variables]
    assert any("seed" in variable.path for variable in setup.model.variables)
    curve = find_learning_rate(setup, lowest=1e-4, highest=10.0, steps=50)
    assert len(curve.losses) <= 50
    for one, other in zip(before, setup.model.variables, strict=True):
        np.testing.assert_array_equal(one, np.array(other))
    assert setup.epoch.number == 7


def test_images_without_information_have_no_rate(dataset):
    black = replace(dataset.train.images, array=np.zeros_like(dataset.train.images.array))
    setup = prepare(replace(dataset, train=replace(dataset.train, images=black)), recipe(softmax, config()))
    with pytest.raises(TrainingError, match=r"The loss falls at no learning rate from 1e-06 to"):
        find_learning_rate(setup, highest=1e-2, steps=50)
