"""The median rule: a trial that has fallen behind is broken off.

At the end of an epoch the best value so far is compared with the median, over earlier trials, of their best value up to
that epoch (Golovin et al. 2017, "Google Vizier", with the best in place of the running mean). The bounds are fixed
when the trial is proposed, from the trials whose results were told until then, so that it makes no difference which of
those side by side was quicker.
"""

from collections.abc import Sequence

import numpy as np

from kerasclf.search.objective import Objective
from kerasclf.search.trial import Trial

# Fewer trials than this say too little of what is usual.
_LEAST_TRIALS = 4
# The first epochs say little of the last: this share of them is let pass.
_GRACE = 0.2


def median_bounds(told: Sequence[Trial], goal: Objective, epochs: int) -> tuple[float | None, ...]:
    """Returns what a trial of so many epochs must have reached after each of them; nothing where too few are known."""
    curves = [trial.curve for trial in told if trial.status in ("completed", "pruned") and trial.curve]
    if len(curves) < _LEAST_TRIALS:
        return ()
    best_so_far = np.maximum.accumulate if goal.direction == "max" else np.minimum.accumulate
    so_far = [best_so_far(np.asarray(curve, np.float64)) for curve in curves]
    bounds: list[float | None] = []
    for epoch in range(1, epochs):
        known = [curve[epoch - 1] for curve in so_far if len(curve) >= epoch]
        enough = epoch > _GRACE * epochs and len(known) >= _LEAST_TRIALS
        bounds.append(float(np.median(known)) if enough else None)
    return tuple(bounds) if any(bound is not None for bound in bounds) else ()
