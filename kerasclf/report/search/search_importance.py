"""Which hyperparameters matter: how well a forest predicts held-out trials, and how much worse without one of them."""

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

# Fewer trials say nothing of which of their settings matter.
LEAST_TRIALS = 10
_FOLDS, _TREES, _SHUFFLES = 5, 50, 10


@dataclass(frozen=True)
class Importance:
    """How much each axis matters.

    Args:
        explained: R² of the forest on trials that it had not seen; at 0 or below it has learnt nothing.
        drops: By axis, the fall of R² there when the axis's values are shuffled, with its standard deviation.
        trials: How many trials that rests on.
    """

    explained: float
    drops: dict[str, tuple[float, float]]
    trials: int

    @property
    def tells(self) -> bool:
        """Whether the forest has learnt anything, so that its opinion of the axes is worth something."""
        return self.explained > 0.1


def importance_of(results: SearchResults) -> Importance | None:
    """Estimates the importance of each axis on held-out trials; None where there are too few trials."""
    trials = comparable(results)
    if len(trials) < LEAST_TRIALS:
        return None
    axes = results.search.space.axes
    inputs = np.stack([[to_number(axis, t.values[name]) for t in trials] for name, axis in axes.items()], axis=1)
    outputs = np.array([t.value for t in trials], np.float64)
    if float(np.ptp(outputs)) == 0:
        return None
    predicted, drops = np.empty_like(outputs), list[NDArray[np.float64]]()
    for train, held in KFold(_FOLDS, shuffle=True, random_state=0).split(inputs):
        forest = RandomForestRegressor(_TREES, random_state=0).fit(inputs[train], outputs[train])
        predicted[held] = forest.predict(inputs[held])
        found = permutation_importance(
            forest, inputs[held], outputs[held], n_repeats=_SHUFFLES, random_state=0, scoring="neg_mean_squared_error"
        )
        drops.append(found.importances_mean / outputs.var())
    means, deviations = np.mean(drops, axis=0), np.std(drops, axis=0, ddof=1)
    return Importance(
        float(r2_score(outputs, predicted)),
        {name: (float(m), float(d)) for name, m, d in zip(axes, means, deviations, strict=True)},
        len(trials),
    )


def comparable(results: SearchResults) -> list[Trial]:
    """Returns the trials whose values may be compared: trained to their end, or where there are few of them, all."""
    whole = [trial for trial in results.trials if trial.whole]
    return whole if len(whole) >= LEAST_TRIALS else [t for t in results.trials if t.value is not None]


def to_number(axis: Axis, value: object) -> float:
    """Returns a value's place on its axis: the number itself, its logarithm, or the position among the choices."""
    if isinstance(axis, Boolean):
        return float(bool(value))
    if isinstance(axis, Choice):
        return float(axis.values.index(value))
    number = float(value)  # type: ignore[arg-type]
    return math.log10(number) if axis.log else number
