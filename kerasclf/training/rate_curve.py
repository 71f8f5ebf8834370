"""The result of a learning-rate search, and the rate it proposes. Does not import TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import TrainingError

# The loss is averaged over a tenth of the steps, in which the rate rises by a factor of about four. This is enough to
# see a trend through the noise of single batches.
_AVERAGED_SHARE = 0.1
_MIN_AVERAGED = 5
_MIN_STEPS = 50
# Minimum decrease of the averaged loss: a share of its first value, and a number of standard deviations of single
# losses. Without learning, too, the minimum of many noisy averages lies below the first one.
_MIN_FALL = 0.01
_MIN_FALL_DEVIATIONS = 1.25


@dataclass(frozen=True)
class RateCurve:
    """Loss by learning rate in a short training with a rising rate.

    Args:
        rates: Learning rate of each step.
        losses: Loss of each step, before its update.
        smoothed: Exponential averages of the losses.
        smoothed_rates: Rates of these averages, averaged in the same way because an average lags behind.
        proposed: Rate at which the averaged loss fell fastest.
        tenth_of_minimum: A tenth of the rate with the lowest averaged loss, another common choice.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    smoothed_rates: NDArray[np.float64]
    proposed: float
    tenth_of_minimum: float


def averaged_steps(steps: int) -> int:
    """Returns the approximate number of steps over which a search of `steps` steps averages its loss."""
    return max(_MIN_AVERAGED, round(_AVERAGED_SHARE * steps))


def rising_rates(lowest: float, highest: float, steps: int) -> NDArray[np.float64]:
    """Returns `steps` rates from `lowest` to `highest`, evenly spaced on a logarithmic scale.

    Raises:
        TrainingError: If the rates are not 0 < lowest < highest, or the steps are too few to see a trend.
    """
    if not 0 < lowest < highest < np.inf:
        raise TrainingError(f"Expected learning rates 0 < lowest < highest. Received: {lowest:g} and {highest:g}.")
    if steps < _MIN_STEPS:
        raise TrainingError(f"steps: expected at least {_MIN_STEPS}. Received: {steps}.")
    return np.geomspace(lowest, highest, steps)


def smooth(losses: Sequence[float] | NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Returns exponential averages over about `window` values, corrected for their start at 0."""
    beta, average, found = 1 - 1 / window, 0.0, []
    for count, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        found.append(average / (1 - beta**count))
    return np.array(found)


def make_curve(rates: NDArray[np.float64], losses: Sequence[float]) -> RateCurve:
    """Returns the curve of a search, with the rate it proposes.

    Args:
        rates: Rates of the whole search.
        losses: Losses of the steps until the search stopped.

    Raises:
        TrainingError: If the loss fell at no rate.
    """
    used, window = rates[: len(losses)], averaged_steps(len(rates))
    smoothed, smoothed_rates = smooth(losses, window), np.exp(smooth(np.log(used), window))
    # Skip the first averages: they cover few losses, and their variation is noise.
    lowest = int(smoothed[window:].argmin()) + window if len(losses) > window else 0
    half = window // 2
    candidates = np.arange(window, lowest - half + 1)
    if not len(candidates) or not _has_fallen(np.asarray(losses), smoothed, window, lowest):
        raise TrainingError(
            f"The loss falls at no learning rate from {rates[0]:g} to {rates[max(len(losses) - 1, 0)]:g}, where the "
            f"search ended after {len(losses)} of {len(rates)} steps. If it rose at once, start with a lower rate. "
            "Otherwise take more steps, and check that pixels are normalised, labels match their images and weights "
            "are not frozen."
        )
    steepest = candidates[(smoothed[candidates + half] - smoothed[candidates - half]).argmin()]
    return RateCurve(
        used,
        np.asarray(losses),
        smoothed,
        smoothed_rates,
        proposed=float(smoothed_rates[steepest]),
        tenth_of_minimum=float(smoothed_rates[lowest]) / 10,
    )


def _has_fallen(losses: NDArray[np.float64], smoothed: NDArray[np.float64], window: int, lowest: int) -> bool:
    first = losses[:window].mean()
    noise = (losses - smoothed)[: lowest + 1].std()
    return bool(first - smoothed[lowest] > max(_MIN_FALL * abs(first), _MIN_FALL_DEVIATIONS * noise))
