"""The median rule: a trial that falls behind the median of earlier trials stops early.

After each epoch, the best value so far is compared with the median of earlier trials' best values up to that epoch
(Golovin et al. 2017, "Google Vizier", with the best value instead of the running mean). The bounds are fixed when a
trial is proposed, from the trials reported until then. They do not depend on the speed of trials side by side.
"""

from collections.abc import Sequence

import numpy as np

from kerasclf.search.objective import Objective
from kerasclf.search.trial import Trial

# A median needs at least this number of trials.
_MIN_TRIALS = 4
# No trial is pruned in this share of its epochs: the first epochs say little about the last.
_GRACE = 0.2


def median_bounds(trials: Sequence[Trial], goal: Objective, epochs: int) -> tuple[float | None, ...]:
    """Returns the value that a new trial must have reached after each epoch.

    Args:
        trials: The trials reported so far.
        goal: The objective.
        epochs: Number of epochs of the new trial.

    Returns:
        One bound per epoch but the last, None for an epoch without a bound; empty if there are too few trials.
    """
    curves = [trial.curve for trial in trials if trial.status in ("completed", "pruned") and trial.curve]
    if len(curves) < _MIN_TRIALS:
        return ()
    running_best = np.maximum.accumulate if goal.direction == "max" else np.minimum.accumulate
    best_so_far = [running_best(np.asarray(curve, np.float64)) for curve in curves]
    bounds: list[float | None] = []
    for epoch in range(1, epochs):
        values = [curve[epoch - 1] for curve in best_so_far if len(curve) >= epoch]
        enough = epoch > _GRACE * epochs and len(values) >= _MIN_TRIALS
        bounds.append(float(np.median(values)) if enough else None)
    return tuple(bounds) if any(bound is not None for bound in bounds) else ()
