"""What a search for a learning rate found, and which rate it proposes. Needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import TrainingError

# The loss is averaged over a tenth of the steps, in which the rate rises by a factor of about four: enough to see a
# trend through the noise of single batches.
_AVERAGED_SHARE = 0.1
_FEWEST_AVERAGED = 5
_FEWEST_STEPS = 50
# How much of its first value, and how many standard deviations of single losses, the averaged loss must lose to have
# fallen: the least of many noisy averages lies below the first one even where nothing is learnt.
_LEAST_FALL = 0.01
_LEAST_FALL_DEVIATIONS = 1.25


@dataclass(frozen=True)
class RateCurve:
    """Loss by learning rate, of a short training whose rate rose.

    Args:
        rates: The rate of each step.
        losses: Each step's loss, before its update.
        smoothed: Their exponential averages.
        smoothed_rates: The rates that belong to these: averaged alike, for an average lags behind.
        proposed: The rate at which the averaged loss fell fastest.
        tenth_of_minimum: A tenth of the rate at which the averaged loss was least: another common choice.
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    smoothed_rates: NDArray[np.float64]
    proposed: float
    tenth_of_minimum: float


def averaged_steps(steps: int) -> int:
    """Returns over about how many steps the loss of a search of `steps` steps is averaged."""
    return max(_FEWEST_AVERAGED, round(_AVERAGED_SHARE * steps))


def rising_rates(lowest: float, highest: float, steps: int) -> NDArray[np.float64]:
    """Returns `steps` rates from `lowest` to `highest`, each the same factor above the one before.

    Raises:
        TrainingError: The rates are not 0 < lowest < highest, or there are too few steps to see a trend.
    """
    if not 0 < lowest < highest < np.inf:
        raise TrainingError(f"Expected learning rates 0 < lowest < highest. Received: {lowest:g} and {highest:g}.")
    if steps < _FEWEST_STEPS:
        raise TrainingError(f"steps: expected at least {_FEWEST_STEPS}. Received: {steps}.")
    return np.geomspace(lowest, highest, steps)


def smooth(losses: Sequence[float] | NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Returns exponential averages over about `window` values, corrected for having begun at 0."""
    beta, average, found = 1 - 1 / window, 0.0, []
    for count, loss in enumerate(losses, start=1):
        average = beta * average + (1 - beta) * loss
        found.append(average / (1 - beta**count))
    return np.array(found)


def make_curve(rates: NDArray[np.float64], losses: Sequence[float]) -> RateCurve:
    """Finds the rate to propose.

    Args:
        rates: Those of the whole search.
        losses: The losses up to where it stopped.

    Raises:
        TrainingError: The loss did not fall at any rate.
    """
    used, window = rates[: len(losses)], averaged_steps(len(rates))
    smoothed, smoothed_rates = smooth(losses, window), np.exp(smooth(np.log(used), window))
    # The first averages are of few losses: their ups and downs are noise.
    least = int(smoothed[window:].argmin()) + window if len(losses) > window else 0
    half = window // 2
    places = np.arange(window, least - half + 1)
    if not len(places) or not _fell(np.asarray(losses), smoothed, window, least):
        raise TrainingError(
            f"The loss falls at no learning rate from {rates[0]:g} to {rates[max(len(losses) - 1, 0)]:g}, where the "
            f"search ended after {len(losses)} of {len(rates)} steps. Begin lower where it rose at once; otherwise "
            "take more steps, and check that pixels are normalised, labels belong to their images and weights are not "
            "frozen."
        )
    steepest = places[(smoothed[places + half] - smoothed[places - half]).argmin()]
    return RateCurve(
        used,
        np.asarray(losses),
        smoothed,
        smoothed_rates,
        proposed=float(smoothed_rates[steepest]),
        tenth_of_minimum=float(smoothed_rates[least]) / 10,
    )


def _fell(losses: NDArray[np.float64], smoothed: NDArray[np.float64], window: int, least: int) -> bool:
    first = losses[:window].mean()
    noise = (losses - smoothed)[: least + 1].std()
    return bool(first - smoothed[least] > max(_LEAST_FALL * abs(first), _LEAST_FALL_DEVIATIONS * noise))
