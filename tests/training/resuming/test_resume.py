"""An interrupted training is bit-identical to an uninterrupted one."""

import weakref

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.errors import TrainingError
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.recipe import Recipe
from kerasclf.training.resuming.checkpoints import latest_checkpoint
from kerasclf.training.train import train

AUGMENTED = Augmentation(rescale=1 / 255, horizontal_flip=True, rotation_range=10, mix_up=0.2)


class Killed(BaseException):
    """Is not caught, like a signal."""


class KillAt(SilentTrainingListener):
    """Kills a training during an epoch, or at its end before the checkpoint is written."""

    def __init__(self, epoch, step=None):
        self.epoch, self.step = epoch, step

    def stepped(self, epochs_done, step):
        if self.step is not None and epochs_done + 1 == self.epoch and step >= self.step:
            raise Killed

    def finished_epoch(self, row):
        if self.step is None and row["epoch"] == self.epoch:
            raise Killed


def network(shape, classes):
    image = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, strides=2, activation="relu")(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dropout(0.4)(x)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x), name="small")


def fit(dataset, config, folder=None, listener=None):
    recipe = Recipe(network, (config,), 3, AUGMENTED)
    return train(dataset, recipe, listener=listener, checkpoints=folder)


CONFIGS = {
    "cosine": TrainConfig(epochs=4, batch_size=16, steps_per_execution=2, optimizer="adamw",
                          schedule=Schedule("cosine", warmup_epochs=1)),
    "early_stopping": TrainConfig(epochs=9, batch_size=16, learning_rate=0.02,
                                  early_stopping=EarlyStopping("val_loss", patience=2)),
    "plateau": TrainConfig(epochs=5, batch_size=16, optimizer="sgd", learning_rate=0.3, momentum=0.9,
                           schedule=Schedule("plateau", patience=1, factor=0.3)),
    "ema": TrainConfig(epochs=4, batch_size=16, ema_momentum=0.8),
    "ema_stopping": TrainConfig(epochs=5, batch_size=16, ema_momentum=0.8, learning_rate=0.02,
                                early_stopping=EarlyStopping("val_loss", patience=2)),
    # Few steps: each may take seconds while other tests run.
    "two_devices": TrainConfig(epochs=2, batch_size=48, strategy="mirrored"),
}  # fmt: skip


# Each compiles for a long time. tests/training/test_phase_inputs.py has a fast test of the same kind.
@pytest.mark.slow
@pytest.mark.parametrize("name", CONFIGS)
def test_a_resumed_training_is_bit_identical(dataset, tmp_path, name):
    config = CONFIGS[name]
    whole = fit(dataset, config)
    kills = [KillAt(2), KillAt(min(3, config.epochs), step=1)]
    for kill in kills if name == "cosine" else kills[1:]:  # one that resumes twice is enough
        with pytest.raises(Killed):
            fit(dataset, config, tmp_path, kill)
    resumed = fit(dataset, config, tmp_path)
    timeless = whole.history.columns.difference(["seconds", "images_per_second", "waiting_share"])
    assert whole.history[timeless].equals(resumed.history[timeless])
    assert whole.best_epoch == resumed.best_epoch
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_training_killed_in_its_first_epoch_starts_over(dataset, tmp_path):
    config = CONFIGS["cosine"].but(epochs=1)
    with pytest.raises(Killed):
        fit(dataset, config, tmp_path, KillAt(1, step=2))
    assert latest_checkpoint(tmp_path / "phase-1", print) is None
    whole, resumed = fit(dataset, config), fit(dataset, config, tmp_path)
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_finished_training_is_not_trained_further(dataset, tmp_path):
    """As after a kill between the last epoch and the results."""
    recipe = Recipe(other_network, (CONFIGS["early_stopping"],), 3, Augmentation(rescale=1 / 255))
    first = train(dataset, recipe, checkpoints=tmp_path)
    killer = KillAt(len(first.history) + 1, step=1)
    again = train(dataset, recipe, checkpoints=tmp_path, listener=killer)
    assert len(again.history) == len(first.history)
    for one, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_a_checkpoint_is_freed_when_it_is_restored(dataset, tmp_path, monkeypatch):
    config = CONFIGS["cosine"].but(epochs=2)
    with pytest.raises(Killed):
        fit(dataset, config, tmp_path, KillAt(2, step=1))
    held = []

    def watched(folder, log):
        checkpoint = latest_checkpoint(folder, log)
        held.append(weakref.ref(checkpoint))
        return checkpoint

    class Look(SilentTrainingListener):
        def stepped(self, epochs_done, step):
            held.append(held[0]())

    monkeypatch.setattr("kerasclf.training.train.latest_checkpoint", watched)
    fit(dataset, config, tmp_path, Look())
    assert len(held) > 1
    assert set(held[1:]) == {None}


def other_network(shape, classes):
    image = keras.Input(shape)
    x = keras.layers.Flatten()(image)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x), name="other")


def test_a_checkpoint_of_another_network_is_refused(dataset, tmp_path):
    config = CONFIGS["cosine"].but(epochs=2)
    train(dataset, Recipe(other_network, (config,), 3), checkpoints=tmp_path)
    with pytest.raises(TrainingError, match="do not fit the network"):
        train(dataset, Recipe(network, (config,), 3), checkpoints=tmp_path)
