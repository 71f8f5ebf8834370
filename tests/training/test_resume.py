"""A training that was interrupted ends as if it had not been."""

import json
import weakref
import zipfile

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.errors import TrainingError
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.training.checkpoints import Checkpoint, latest_checkpoint, write_checkpoint
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.recipe import Recipe
from kerasclf.training.train import train

AUGMENTED = Augmentation(rescale=1 / 255, horizontal_flip=True, rotation_range=10, mix_up=0.2)


class Killed(BaseException):
    """Nobody catches it, like a signal."""


class KillAt(SilentTrainingListener):
    """Kills a training in the middle of an epoch, or at its end before its checkpoint is written."""

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
    # Few steps: beside other tests each of them may take seconds.
    "two_devices": TrainConfig(epochs=2, batch_size=48, strategy="mirrored"),
}  # fmt: skip


# What these keep, "ema_stopping" keeps as well.
COVERED = ("early_stopping", "ema")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in COVERED else []) for name in CONFIGS]
)
def test_it_ends_with_the_same_bits(dataset, tmp_path, name):
    config = CONFIGS[name]
    whole = fit(dataset, config)
    kills = [KillAt(2), KillAt(min(3, config.epochs), step=1)]
    for kill in kills if name == "cosine" else kills[1:]:  # one that goes on twice is enough
        with pytest.raises(Killed):
            fit(dataset, config, tmp_path, kill)
    resumed = fit(dataset, config, tmp_path)
    timeless = whole.history.columns.difference(["seconds", "images_per_second"])
    assert whole.history[timeless].equals(resumed.history[timeless])
    assert whole.best_epoch == resumed.best_epoch
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_killed_in_its_first_epoch_starts_over(dataset, tmp_path):
    config = CONFIGS["cosine"].but(epochs=1)
    with pytest.raises(Killed):
        fit(dataset, config, tmp_path, KillAt(1, step=2))
    assert latest_checkpoint(tmp_path / "phase-1", print) is None
    whole, resumed = fit(dataset, config), fit(dataset, config, tmp_path)
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_finished_training_is_not_trained_further(dataset, tmp_path):
    """Killed after its last epoch, while its results were written."""
    config = CONFIGS["early_stopping"]
    first = fit(dataset, config, tmp_path)
    again = fit(dataset, config, tmp_path, KillAt(len(first.history) + 1, step=1))
    assert len(again.history) == len(first.history)
    for one, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_checkpoint_is_let_go_of_when_it_is_restored(dataset, tmp_path, monkeypatch):
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


def some(epoch):
    return Checkpoint(epoch, {"model/0": np.arange(5, dtype=np.float32) * epoch}, {"rows": [epoch]})


def test_the_last_two_are_kept(tmp_path):
    (tmp_path / ".epoch-left-by-a-killed-process").write_text("half")
    for epoch in (1, 2, 3):
        write_checkpoint(tmp_path, some(epoch))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["epoch-00002.npz", "epoch-00003.npz"]
    found = latest_checkpoint(tmp_path, print)
    assert found.epoch == 3
    np.testing.assert_array_equal(found.arrays["model/0"], some(3).arrays["model/0"])


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped"])
def test_a_damaged_one_is_named_and_the_one_before_used(tmp_path, damage):
    for epoch in (1, 2):
        write_checkpoint(tmp_path, some(epoch))
    path = tmp_path / "epoch-00002.npz"
    raw = bytearray(path.read_bytes())
    if damage == "flipped":
        raw[raw.index(np.float32(6).tobytes())] ^= 1  # inside the weights: only the checksum tells
    path.write_bytes({"truncated": raw[:200], "empty": b"", "flipped": raw}[damage])
    log = []
    assert latest_checkpoint(tmp_path, log.append).epoch == 1
    assert len(log) == 1
    assert str(path) in log[0]
    assert "damaged" in log[0]


def test_one_of_another_version_is_not_taken_up(tmp_path):
    write_checkpoint(tmp_path, some(1))
    path = tmp_path / "epoch-00001.npz"
    with np.load(path) as archive:
        arrays = dict(archive)
    held = {**json.loads(arrays["state.json"].tobytes()), "format": 99}
    np.savez(path, **{**arrays, "state.json": np.frombuffer(json.dumps(held).encode(), np.uint8)})
    with pytest.raises(TrainingError, match="another version of kerasclf"):
        latest_checkpoint(tmp_path, print)


def other_network(shape, classes):
    image = keras.Input(shape)
    x = keras.layers.Flatten()(image)
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x), name="other")


def test_one_of_another_network_is_not_taken_up(dataset, tmp_path):
    config = CONFIGS["cosine"]
    fit(dataset, config, tmp_path)
    with pytest.raises(TrainingError, match="do not fit the network"):
        train(dataset, Recipe(other_network, (config,), 3, AUGMENTED), checkpoints=tmp_path)


def test_nothing_is_pickled(tmp_path):
    write_checkpoint(tmp_path, some(1))
    with zipfile.ZipFile(tmp_path / "epoch-00001.npz") as archive:
        assert all(b"pickle" not in archive.read(name) for name in archive.namelist())
    np.load(tmp_path / "epoch-00001.npz", allow_pickle=False).close()
