"""Runs that follow another one are bit-identical to runs that train alone."""

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, TrainConfig
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.training.config import OPTIMIZERS
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.recipe import Recipe
from kerasclf.training.resuming.followers import Follower, Leading
from kerasclf.training.train import train

AUGMENTED = Augmentation(rescale=1 / 255, horizontal_flip=True, rotation_range=10, mix_up=0.2)
STOPPING = EarlyStopping("val_loss", patience=1)
SMALL = TrainConfig(epochs=5, batch_size=16, learning_rate=0.02)
EMA = SMALL.but(ema_momentum=0.8)
STEP = SMALL.but(schedule=Schedule("step", every_epochs=2))
PLATEAU = SMALL.but(optimizer="sgd", momentum=0.9, schedule=Schedule("plateau", patience=1, factor=0.3))


class Killed(BaseException):
    """Is not caught, like a signal."""


class KillAt(SilentTrainingListener):
    """Kills a training in the first steps of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def stepped(self, epochs_done, step):
        if epochs_done + 1 == self.epoch:
            raise Killed


class Untrained(SilentTrainingListener):
    """Notices a training that is not over yet."""

    def stepped(self, epochs_done, step):
        raise AssertionError(f"epoch {epochs_done + 1} is trained again")


def network(shape, classes):
    image = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, strides=4, activation="relu")(image)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.4)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x), name="small")


def flat_network(shape, classes):
    """Compiles in a moment."""
    image = keras.Input(shape)
    x = keras.layers.Dropout(0.4)(keras.layers.Flatten()(image))
    return keras.Model(image, keras.layers.Dense(classes, activation="softmax")(x), name="flat")


def recipe_of(*phases):
    return Recipe(network, phases, 3, AUGMENTED)


def flat_recipe(*phases, **changes):
    return Recipe(flat_network, phases, 3, Augmentation(rescale=1 / 255, horizontal_flip=True), **changes)


def check_same(shared, alone):
    timeless = alone.history.columns.difference(["seconds", "images_per_second", "waiting_share"])
    assert alone.history[timeless].equals(shared.history[timeless])
    assert alone.best_epoch == shared.best_epoch
    for one, other in zip(alone.model.get_weights(), shared.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def check_pair(dataset, folder, leader, follower, kill=None):
    """Trains a run with a follower, both killed and resumed if requested, and compares both with runs alone."""
    leading = Leading("longer", (Follower("shorter", follower, folder / "shorter"),))
    if kill is not None:
        with pytest.raises(Killed):
            train(dataset, recipe_of(leader), listener=KillAt(kill), checkpoints=folder / "longer", leading=leading)
    longer = train(dataset, recipe_of(leader), checkpoints=folder / "longer", leading=leading)
    shorter = train(dataset, recipe_of(follower), checkpoints=folder / "shorter", listener=Untrained())
    check_same(longer, train(dataset, recipe_of(leader)))
    check_same(shorter, train(dataset, recipe_of(follower)))
    return longer, shorter


@pytest.mark.parametrize(
    "names", [("stops",), pytest.param(("shorter", "stops"), marks=pytest.mark.slow)], ids=["one", "two"]
)
def test_a_shorter_run_follows_a_longer_one(dataset, tmp_path, names):
    """One that stops early, or another that ends early too; the longer run is killed in between."""
    longer = SMALL.but(epochs=4)
    both = {"shorter": longer.but(epochs=3), "stops": longer.but(learning_rate=0.02, early_stopping=STOPPING)}
    followers = {name: both[name] for name in names}
    leading = Leading("longer", tuple(Follower(name, one, tmp_path / name) for name, one in followers.items()))

    def fit(config, name, **changes):
        return train(dataset, flat_recipe(config), checkpoints=tmp_path / name, **changes)

    with pytest.raises(Killed):
        fit(longer, "longer", listener=KillAt(3), leading=leading)
    whole = fit(longer, "longer", leading=leading)
    assert set(whole.shared.given) == set(names)
    assert whole.shared.given.get("shorter", 3) == 3
    for name, config in followers.items():
        shared, alone = fit(config, name, listener=Untrained()), train(dataset, flat_recipe(config))
        check_same(shared, alone)
        assert [vars(taken) for taken in shared.shared.taken] == [
            {"run": "longer", "epochs": len(alone.history), "seconds": shared.seconds}
        ]


@pytest.mark.slow
@pytest.mark.parametrize("ema_momentum", [None, 0.8])
def test_a_run_that_stops_early_hands_its_state_over(dataset, tmp_path, ema_momentum):
    """The next run goes on from there, and leads the last one, whose best weights come from the first."""
    middle = SMALL.but(epochs=7, learning_rate=0.5, ema_momentum=ema_momentum)
    first = middle.but(epochs=20, early_stopping=EarlyStopping("val_loss", patience=1))
    last = middle.but(epochs=6, early_stopping=EarlyStopping("val_loss", patience=9))
    configs = {"first": first, "middle": middle, "last": last}
    followers = {name: Follower(name, config, tmp_path / name) for name, config in configs.items()}

    def fit(name, *following, listener=None):
        leading = Leading(name, tuple(followers[one] for one in following))
        recipe = flat_recipe(configs[name])
        return train(dataset, recipe, checkpoints=tmp_path / name, leading=leading, listener=listener)

    shared = {"first": fit("first", "middle", "last")}
    stopped = len(shared["first"].history)
    assert stopped < 6
    with pytest.raises(Killed):
        fit("middle", "last", listener=KillAt(stopped + 1))
    shared |= {"middle": fit("middle", "last"), "last": fit("last", listener=Untrained())}
    for name, config in configs.items():
        check_same(shared[name], train(dataset, flat_recipe(config)))
    assert [(one.run, one.epochs) for one in shared["middle"].shared.taken] == [("first", stopped)]
    assert [(one.run, one.epochs) for one in shared["last"].shared.taken] == [
        ("first", stopped), ("middle", 6 - stopped)
    ]  # fmt: skip
    assert shared["first"].shared.given == {"middle": stopped, "last": stopped}
    assert shared["middle"].shared.given == {"last": 6 - stopped}


SLOW_PAIRS = {
    **{f"optimizer {name}": (SMALL.but(optimizer=name), SMALL.but(optimizer=name, epochs=2)) for name in OPTIMIZERS},
    "ema": (EMA, EMA.but(epochs=3)),
    "ema that stops": (EMA, EMA.but(epochs=4, early_stopping=STOPPING)),
    "stopping": (SMALL.but(epochs=9), SMALL.but(epochs=9, early_stopping=STOPPING)),
    "stopping without the best": (SMALL, SMALL.but(early_stopping=STOPPING.but(restore_best=False))),
    "two that stop": (
        SMALL.but(epochs=9, early_stopping=EarlyStopping("val_accuracy", patience=9)),
        SMALL.but(epochs=8, early_stopping=STOPPING),
    ),
    "plateau": (PLATEAU, PLATEAU.but(epochs=4)),
    "plateau that stops": (PLATEAU, PLATEAU.but(early_stopping=STOPPING)),
    "step": (STEP, STEP.but(epochs=3)),
    "cosine": (SMALL.but(schedule=Schedule("cosine")), SMALL.but(schedule=Schedule("cosine"), early_stopping=STOPPING)),
    "clipped": (SMALL.but(clip_norm=1.0, label_smoothing=0.1), SMALL.but(clip_norm=1.0, label_smoothing=0.1, epochs=2)),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW_PAIRS)
@pytest.mark.parametrize("kill", [None, 2], ids=["whole", "killed"])
def test_every_follower_equals_the_run_alone(dataset, tmp_path, name, kill):
    check_pair(dataset, tmp_path, *SLOW_PAIRS[name], kill)
