"""Learning-rate schedules, rate by rate."""

import numpy as np
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.training import Schedule
from kerasclf.training.optimizers.schedules import SCHEDULES, make_schedule

STEPS = 10  # per epoch
# Schedules that fall between the first and the last step, with the fields that make them fall within four epochs.
DECAYING = {
    "step": {"every_epochs": 1},
    "exponential": {"every_epochs": 1},
    "cosine": {},
    "cosine_epoch": {},
    "one_cycle": {},
}


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


def test_cosine_falls_over_the_phase():
    expected = 0.1 + 0.9 * (1 + np.cos(np.pi * np.arange(40) / 40)) / 2
    np.testing.assert_allclose(rates("cosine", final_learning_rate=0.1), expected, rtol=1e-5)


def test_cosine_epoch_restarts_in_every_epoch():
    values = rates("cosine_epoch", final_learning_rate=0.01).reshape(4, STEPS)
    expected = 0.01 + 0.99 * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS)) / 2
    np.testing.assert_allclose(values, np.tile(expected, (4, 1)), atol=1e-4)


@pytest.mark.parametrize("peak", [1.0, 0.003])
@pytest.mark.parametrize(
    ("name", "fields"),
    [(name, {}) for name in SCHEDULES]
    + [(name, {"warmup_epochs": 0.5}) for name, kind in SCHEDULES.items() if "warmup_epochs" in kind.fields],
)
def test_every_schedule_reaches_its_peak_and_stays_above_zero(name, fields, peak):
    values = rates(name, peak=peak, **fields)
    assert (values >= 0).all()
    assert values.max() == pytest.approx(peak, rel=1e-6)


@pytest.mark.parametrize("peak", [1.0, 0.003])
@pytest.mark.parametrize("name", DECAYING)
def test_decaying_schedules_end_below_their_start(name, peak):
    values = rates(name, peak=peak, **DECAYING[name])
    assert values[-1] < 0.5 * values[0]


def test_the_table_of_decaying_schedules_is_complete():
    assert {*DECAYING, "constant", "plateau"} == set(SCHEDULES)


def test_unknown_names_and_unused_fields_are_refused():
    Schedule("step", every_epochs=3, factor=0.5)
    with pytest.raises(KerasclfError, match="factor: schedule 'cosine' does not use it"):
        Schedule("cosine", factor=0.5)
    with pytest.raises(KerasclfError, match=r"Unknown schedule 'cosin'\. Did you mean 'cosine'\?"):
        Schedule("cosin")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"warmup_epochs": -1.0}, "warmup_epochs: expected a number of at least 0. Received: -1.0."),
        ({"name": "step", "every_epochs": 0}, "every_epochs: expected at least 1. Received: 0."),
        ({"name": "step", "factor": 1.0}, "factor: expected a number between 0 and 1. Received: 1.0."),
        ({"name": "plateau", "monitor": "loss_val"}, "Unknown monitor 'loss_val'."),
    ],
)
def test_bad_fields_are_named(fields, message):
    with pytest.raises(KerasclfError) as caught:
        Schedule(**fields)
    assert message in str(caught.value)
