"""The importance of hyperparameters: permutation importance of a random forest on held-out trials."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold

from kerasclf.search.search_results import SearchResults
from kerasclf.search.spaces.space import Axis, Boolean, Choice
from kerasclf.search.trial import Trial

# Fewer trials cannot show which settings matter.
MIN_TRIALS = 10
_FOLDS, _TREES, _SHUFFLES = 5, 50, 10


@dataclass(frozen=True)
class Importance:
    """The importance of each axis of a search space.

    Args:
        r2: R² of the forest on held-out trials; 0 or less means that it has learnt nothing.
        drops: Mean and standard deviation of the drop in R² when an axis is shuffled, by axis.
        trials: Number of trials that the estimate is based on.
    """

    r2: float
    drops: dict[str, tuple[float, float]]
    trials: int

    @property
    def is_informative(self) -> bool:
        """Whether the forest predicts held-out trials well enough to rank the axes."""
        return self.r2 > 0.1


def importance_of(results: SearchResults) -> Importance | None:
    """Estimates the importance of each axis on held-out trials.

    Returns:
        The importance, or None if there are too few trials or all have the same objective.
    """
    trials = comparable(results)
    if len(trials) < MIN_TRIALS:
        return None
    axes = results.search.space.axes
    inputs = np.stack([[to_number(axis, t.values[name]) for t in trials] for name, axis in axes.items()], axis=1)
    outputs = np.array([t.value for t in trials], np.float64)
    if float(np.ptp(outputs)) == 0:
        return None
    predicted, drops = np.empty_like(outputs), list[NDArray[np.float64]]()
    for training, held_out in KFold(_FOLDS, shuffle=True, random_state=0).split(inputs):
        forest = RandomForestRegressor(_TREES, random_state=0).fit(inputs[training], outputs[training])
        predicted[held_out] = forest.predict(inputs[held_out])
        permuted = permutation_importance(
            forest,
            inputs[held_out],
            outputs[held_out],
            n_repeats=_SHUFFLES,
            random_state=0,
            scoring="neg_mean_squared_error",
        )
        drops.append(permuted.importances_mean / outputs.var())
    means, deviations = np.mean(drops, axis=0), np.std(drops, axis=0, ddof=1)
    return Importance(
        float(r2_score(outputs, predicted)),
        {name: (float(m), float(d)) for name, m, d in zip(axes, means, deviations, strict=True)},
        len(trials),
    )


def comparable(results: SearchResults) -> list[Trial]:
    """Returns the trials with comparable values: those trained to the end, or all if there are too few of them."""
    whole = [trial for trial in results.trials if trial.whole]
    return whole if len(whole) >= MIN_TRIALS else [t for t in results.trials if t.value is not None]


def to_number(axis: Axis, value: object) -> float:
    """Returns the position of a value on its axis: the number, its logarithm, or the index among the choices."""
    if isinstance(axis, Boolean):
        return float(bool(value))
    if isinstance(axis, Choice):
        return float(axis.values.index(value))
    number = float(value)  # type: ignore[arg-type]
    return math.log10(number) if axis.log else number
