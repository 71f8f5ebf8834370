"""The warm-up and the one-cycle schedule."""

import keras
import numpy as np
import pytest

from kerasclf.training.optimizers.keras_schedules import OneCycle, Warmup


def rates(schedule, steps=40):
    return np.array([float(schedule(step)) for step in range(steps)])


@pytest.mark.parametrize("peak", [1.0, 0.003])
def test_one_cycle_rises_and_falls(peak):
    values = rates(OneCycle(peak, total_steps=40, rising_share=0.25, final=0.001 * peak))
    assert values[0] == pytest.approx(peak / 25)
    assert values.argmax() == 10
    assert values[10] == pytest.approx(peak)
    assert (np.diff(values[:11]) > 0).all()
    assert (np.diff(values[10:]) < 0).all()
    assert values[-1] < 0.01 * peak


def test_one_cycle_may_peak_between_two_steps():
    values = rates(OneCycle(1.0, total_steps=40, rising_share=0.33, final=0.0))  # at step 13.2
    assert values.argmax() == 13
    assert 1 - np.abs(np.diff(values)).max() < values.max() < 1


def test_warm_up_precedes_the_whole_schedule():
    values = rates(Warmup(keras.optimizers.schedules.CosineDecay(1.0, 35), peak=1.0, steps=5))
    np.testing.assert_allclose(values[:5], [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-6)
    np.testing.assert_allclose(values[5:], (1 + np.cos(np.pi * np.arange(35) / 35)) / 2, atol=1e-6)


def test_warm_up_precedes_a_constant_rate():
    np.testing.assert_allclose(rates(Warmup(0.5, peak=0.5, steps=10))[8:], [0.45] + [0.5] * 31, rtol=1e-6)


@pytest.mark.parametrize(
    "schedule", [OneCycle(0.1, 40, 0.3, 0.001), Warmup(keras.optimizers.schedules.CosineDecay(0.1, 35), 0.1, 5)]
)
def test_an_optimizer_with_the_schedule_can_be_serialised(schedule):
    plain = keras.optimizers.serialize(keras.optimizers.SGD(schedule))
    copy = keras.optimizers.deserialize(plain)._learning_rate
    np.testing.assert_array_equal(rates(copy), rates(schedule))
