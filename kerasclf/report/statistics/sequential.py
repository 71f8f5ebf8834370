"""Repeating a study until its answer is known: how strict each look at its results must be.

A study that stops at the first p-value below 5 %, after 3, 5 or 10 runs, is wrong in more than 5 % of cases. Each look
therefore spends a part of the 5 % (Lan & DeMets 1983, with the spending function that resembles Pocock's).
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from kerasclf.report.statistics.intervals import CONFIDENCE

# Points of the numerical integration: the levels are exact to five digits.
_GRID = 4001


def strictness(looks: Sequence[int], runs: int) -> float:
    """Returns the factor of a study's p-values after a number of runs; 1 without looks.

    Args:
        looks: Planned numbers of runs, rising; empty for a study that is looked at once.
        runs: Finished runs of each experiment. Between two looks, as after an interruption, this is a look of its own.

    Example:
        >>> from kerasclf.report.statistics.sequential import strictness
        >>> round(strictness((3, 5, 10), 5), 2)
        3.03
    """
    if not looks:
        return 1.0
    times = sorted({*(look for look in looks if look < runs), runs, looks[-1]})
    return (1 - CONFIDENCE) / spending_levels(times)[times.index(runs)]


def spending_levels(looks: Sequence[int], level: float = 1 - CONFIDENCE) -> tuple[float, ...]:
    """Returns the significance level of each look, which together spend `level`.

    Args:
        looks: Numbers of runs, rising. The last is the maximum.
        level: Probability of a false finding at any of the looks.

    Example:
        >>> from kerasclf.report.statistics.sequential import spending_levels
        >>> [round(level, 4) for level in spending_levels((3, 5, 10))]
        [0.0208, 0.0165, 0.0261]
    """
    times = np.array(looks) / looks[-1]
    spent = level * np.log(1 + (math.e - 1) * times)
    # The density of the test statistic's sum among the studies that no earlier look has stopped, on a grid.
    grid = np.linspace(-8, 8, _GRID)
    step = grid[1] - grid[0]
    density, before, levels = None, 0.0, []
    for time, (spent_before, spent_now) in zip(times, itertools.pairwise([0.0, *spent]), strict=True):
        noise = stats.norm.pdf(grid, scale=math.sqrt(time - before))
        density = noise if density is None else np.convolve(density, noise, mode="same") * step
        limit = _limit(grid, density * step, spent_now - spent_before)
        levels.append(float(2 * stats.norm.sf(limit / math.sqrt(time))))
        density, before = np.where(np.abs(grid) <= limit, density, 0.0), time
    return tuple(levels)


def _limit(grid: np.ndarray, mass: np.ndarray, share: float) -> float:
    """Returns the distance from 0 beyond which a share of the probability lies, between the points of the grid."""
    distance = grid[len(grid) // 2 :]
    right = mass[len(grid) // 2 :]
    # Mass from each distance on, on both sides; half of a point's mass lies on each side of it.
    tail = 2 * (np.cumsum(right[::-1])[::-1] - right / 2)
    return float(np.interp(-share, -tail, distance))
