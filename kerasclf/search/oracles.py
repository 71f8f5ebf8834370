"""The oracles, which propose what to try next: KerasTuner's own, and Optuna's samplers. Needs KerasTuner."""

import itertools
import warnings
from typing import Any

import keras_tuner
import numpy as np

from kerasclf.search.objective import Objective
from kerasclf.search.optuna_oracle import SAMPLERS, OptunaOracle
from kerasclf.search.spaces.grid import axis_values
from kerasclf.search.spaces.hyperparameters import to_hyperparameters
from kerasclf.search.spaces.space import Space

# From so many points KerasTuner's Gaussian process climbs for each proposal.
_STARTS = 50
# The search itself says when too many have failed; KerasTuner would raise, with its lock held for ever.
_NEVER = 10**9


class GridOracle(keras_tuner.oracles.GridSearchOracle):
    """KerasTuner's grid, in KerasTuner's order, whose place is the number of trials alone.

    The original waits for results before it goes on, in case that new hyperparameters turn up, and forgets its place
    when it is loaded again; a space of ours is known from the beginning.
    """

    def __init__(self, space: Space, **more: Any) -> None:
        super().__init__(**more)
        self._grid = itertools.product(*(axis_values(axis) for axis in self.hyperparameters.space))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        values = next(self._grid, None)
        if values is None:
            return {"status": "STOPPED", "values": None}
        names = (hp.name for hp in self.hyperparameters.space)
        return {"status": "RUNNING", "values": dict(zip(names, values, strict=True))}


class BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """KerasTuner's Gaussian process, which can be brought to where it was without searching anew for each proposal."""

    recorded: dict[str, Any] | None = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.recorded is None:
            return super().populate_space(trial_id)
        completed = sum(trial.status == "COMPLETED" for trial in self.trials.values())
        dimensions = len(self.hyperparameters.space)
        if completed < max(3 * dimensions, 3):
            return super().populate_space(trial_id)
        # What a proposal leaves behind: the process, fitted to the results so far, and the numbers drawn.
        self.gpr.fit(*map(np.nan_to_num, self._vectorize_trials()))
        self._random_state.uniform(size=(_STARTS, dimensions))
        return {"status": "RUNNING", "values": dict(self.recorded)}


def make_oracle(name: str, space: Space, objective: Objective, seed: int, epochs: int, factor: int = 3) -> Any:
    """Returns a KerasTuner oracle that keeps nothing on disk: the search's folder holds all that it needs.

    Args:
        name: A name out of `kerasclf.search.ORACLES`.
        space: What to vary.
        objective: What is to be best.
        seed: Decides the proposals, together with the results.
        epochs: Hyperband's most epochs a trial.
        factor: Of how many trials Hyperband lets one go on.

    Raises:
        KerasclfError: A package is missing.
    """
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(objective.metric, objective.direction),
        "hyperparameters": to_hyperparameters(space),
        "seed": seed + 1,  # KerasTuner takes 0 for none
        "max_consecutive_failed_trials": _NEVER,
    }
    oracle: Any
    if name == "random":
        oracle = keras_tuner.oracles.RandomSearchOracle(max_trials=None, **common)
    elif name == "grid":
        oracle = GridOracle(space, **common)
    elif name == "bayesian":
        oracle = BayesianOracle(max_trials=None, **common)
    elif name == "hyperband":
        oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, factor=factor, **common)
    else:
        assert name in SAMPLERS
        oracle = OptunaOracle(sampler=name, **common)
    oracle.verbose = 0
    # What KerasTuner would write is not atomic, and not enough to go on from.
    oracle.save = oracle._save_trial = lambda *trial: None
    return oracle


class OracleAdapter:
    """An oracle as the search asks it: one after the other, proposals by number, results in the same order."""

    def __init__(self, oracle: Any) -> None:
        self.oracle = oracle
        self._ids: list[str] = []

    def ask(self, recorded: dict[str, Any] | None = None) -> dict[str, Any] | str:
        """Returns KerasTuner's values for the next trial, or `"IDLE"` or `"STOPPED"` where it has none.

        Args:
            recorded: What it proposed the first time, where a search is gone on with.
        """
        with _quiet():
            self.oracle.recorded = recorded
            trial = self.oracle.create_trial(f"trial-{len(self._ids)}")
        if trial.status != "RUNNING":
            return str(trial.status)
        self._ids.append(trial.trial_id)
        return dict(trial.hyperparameters.values)

    def tell(self, number: int, value: float | None) -> None:
        """Takes the value of the trial with this number, from 0; None where it failed."""
        trial = self.oracle.trials[self._ids[number]]
        with _quiet():
            if value is not None:
                self.oracle.update_trial(trial.trial_id, {self.oracle.objective.name: value})
            trial.status = "FAILED" if value is None else "COMPLETED"
            self.oracle.end_trial(trial)


def _quiet() -> Any:
    return warnings.catch_warnings(action="ignore")  # KerasTuner calls threading by old names
