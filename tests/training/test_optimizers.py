"""Optimizers and learning-rate schedules, rate by rate."""

import keras
import numpy as np
import pytest

from kerasclf import TrainConfig
from kerasclf.training import Schedule
from kerasclf.training.config import OPTIMIZERS
from kerasclf.training.optimizers import make_optimizer, peak_learning_rate
from kerasclf.training.schedules import SCHEDULES, make_schedule

STEPS = 10  # an epoch


def rates(name, epochs=4, peak=1.0, **fields):
    schedule = make_schedule(Schedule(name, **fields), peak, epochs, STEPS)
    if not callable(schedule):
        return np.full(epochs * STEPS, schedule)
    return np.array([float(schedule(step)) for step in range(epochs * STEPS)])


def test_constant_and_plateau_stay():
    assert (rates("constant") == 1).all()
    assert (rates("plateau") == 1).all()


def test_step_falls_at_once():
    np.testing.assert_allclose(rates("step", every_epochs=2, factor=0.5), [1] * 20 + [0.5] * 20)


def test_exponential_falls_smoothly():
    np.testing.assert_allclose(rates("exponential", every_epochs=2, factor=0.5), 0.5 ** (np.arange(40) / 20), rtol=1e-5)


def test_cosine_falls_over_the_run():
    expected = 0.1 + 0.9 * (1 + np.cos(np.pi * np.arange(40) / 40)) / 2
    np.testing.assert_allclose(rates("cosine", final_learning_rate=0.1), expected, rtol=1e-5)


def test_cosine_epoch_begins_anew_in_every_epoch():
    values = rates("cosine_epoch", final_learning_rate=0.01).reshape(4, STEPS)
    expected = 0.01 + 0.99 * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS)) / 2
    np.testing.assert_allclose(values, np.tile(expected, (4, 1)), atol=1e-4)


def test_one_cycle_rises_and_falls():
    values = rates("one_cycle", rising_share=0.25, final_learning_rate=0.001)
    assert values[0] == pytest.approx(1 / 25)
    assert values.argmax() == 10
    assert values[10] == pytest.approx(1)
    assert (np.diff(values[:11]) > 0).all()
    assert (np.diff(values[10:]) < 0).all()
    assert values[-1] < 0.01


def test_warm_up_comes_before_the_whole_schedule():
    values = rates("cosine", warmup_epochs=0.5)
    np.testing.assert_allclose(values[:5], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-6)
    np.testing.assert_allclose(values[5:], (1 + np.cos(np.pi * np.arange(35) / 35)) / 2, atol=1e-6)
    np.testing.assert_allclose(rates("constant", warmup_epochs=1)[8:], [0.9] + [1] * 31, rtol=1e-6)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_has_a_rate(name):
    values = rates(name)
    assert (values >= 0).all()
    assert values.max() <= 1 + 1e-6


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_kerass_with_its_own_default(name):
    optimizer = make_optimizer(TrainConfig(optimizer=name, clip_norm=1.0, weight_decay=0.01), STEPS)
    default = getattr(keras.optimizers, type(optimizer).__name__)()
    assert type(optimizer).__name__.lower() == name
    assert peak_learning_rate(TrainConfig(optimizer=name)) == pytest.approx(float(default.learning_rate))
    assert optimizer.global_clipnorm == 1.0
    assert optimizer.weight_decay == 0.01


def test_settings_reach_the_optimizer():
    sgd = make_optimizer(TrainConfig(optimizer="sgd", momentum=0.9, nesterov=True), STEPS)
    assert (sgd.momentum, sgd.nesterov) == (0.9, True)
    adam = make_optimizer(TrainConfig(beta_2=0.95, ema_momentum=0.9), STEPS)
    assert (adam.beta_1, adam.beta_2, adam.use_ema, adam.ema_momentum) == (0.9, 0.95, True, 0.9)
    # AdamW keeps Keras' default decay where none is given.
    assert make_optimizer(TrainConfig(optimizer="adamw"), STEPS).weight_decay == keras.optimizers.AdamW().weight_decay


@pytest.mark.parametrize("config", [{}, {"layer_decay": 0.5}])
def test_l2_is_added_to_the_gradient(config):
    optimizer = make_optimizer(
        TrainConfig(optimizer="sgd", learning_rate=0.1, l2=0.5, **config), STEPS, {"w": 0.5} if config else None
    )
    weight = keras.Variable([2.0, -4.0], name="w")
    optimizer.apply([keras.ops.convert_to_tensor([1.0, 1.0])], [weight])
    rate = 0.05 if config else 0.1
    np.testing.assert_allclose(weight.numpy(), [2 - rate * (1 + 1), -4 - rate * (1 - 2)], rtol=1e-6)


def test_adam_divides_the_pull_of_l2_by_its_size():
    """As in PyTorch, where a weight without any other gradient goes the whole rate towards 0 in the first step."""
    optimizer = make_optimizer(TrainConfig(optimizer="adam", learning_rate=0.1, l2=0.01), STEPS)
    weight = keras.Variable([2.0, -4.0])
    optimizer.apply([keras.ops.zeros(2)], [weight])
    np.testing.assert_allclose(weight.numpy(), [1.9, -3.9], rtol=1e-4)
