"""The proposed rate for curves with a known answer."""

import numpy as np
import pytest

from kerasclf.errors import TrainingError
from kerasclf.training.rate_curve import make_curve, rising_rates, smooth

RATES = rising_rates(1e-6, 1.0, 120)


def test_rates_rise_by_a_constant_factor():
    np.testing.assert_allclose(rising_rates(1e-4, 1.0, 50)[1:] / rising_rates(1e-4, 1.0, 50)[:-1], 10 ** (4 / 49))
    assert (RATES[0], RATES[-1]) == (1e-6, 1.0)


def test_averages_are_corrected_for_their_start():
    np.testing.assert_allclose(smooth([3.0] * 7, 5), 3.0)
    np.testing.assert_allclose(smooth([1.0, 2.0], 2), [1.0, (0.25 * 1 + 0.5 * 2) / 0.75])


def test_the_steepest_fall_is_proposed():
    decades = np.log10(RATES)
    losses = 3 - 2 / (1 + np.exp(-6 * (decades + 3)))  # falls around 1e-3
    losses += np.where(decades > -1, 4 * (decades + 1), 0)  # and rises from 1e-1
    curve = make_curve(RATES, losses)
    assert 3e-4 < curve.proposed < 3e-3
    assert 1e-3 < curve.tenth_of_minimum < 2e-2
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed) == len(curve.smoothed_rates) == 120


def test_noise_is_no_fall():
    for seed in range(5):
        with pytest.raises(TrainingError, match=r"The loss falls at no learning rate from 1e-06 to 1, .* 120 of 120"):
            make_curve(RATES, 3 + 0.1 * np.random.default_rng(seed).normal(size=120))


def test_a_loss_that_rises_at_once_or_is_missing_is_no_fall():
    with pytest.raises(
        TrainingError, match=r"ended after 30 of 120 steps\. If it rose at once, start with a lower rate"
    ):
        make_curve(RATES, np.linspace(1, 5, 30))
    with pytest.raises(TrainingError, match=r"ended after 0 of 120 steps"):
        make_curve(RATES, [])


def test_rates_and_steps_are_checked():
    with pytest.raises(TrainingError, match=r"0 < lowest < highest\. Received: 1 and 0\.1"):
        rising_rates(1.0, 0.1, 100)
    with pytest.raises(TrainingError, match=r"steps: expected at least 50\. Received: 10"):
        rising_rates(0.1, 1.0, 10)
