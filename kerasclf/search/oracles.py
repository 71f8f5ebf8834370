"""The oracles, which propose trials: KerasTuner's own and Optuna's samplers. Needs KerasTuner."""

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

# Number of points from which KerasTuner's Gaussian process starts its search for each proposal.
_STARTS = 50
# The search counts failures itself. KerasTuner would raise an error and never release its lock.
_NO_LIMIT = 10**9
# Hyperband continues one of this many trials.
_FACTOR = 3


class GridOracle(keras_tuner.oracles.GridSearchOracle):
    """KerasTuner's grid in KerasTuner's order. Each point depends on the number of the trial alone.

    KerasTuner's own oracle waits for results, because new hyperparameters could appear, and loses its position when it
    is reloaded. The axes of a `Space` are known from the start.
    """

    def __init__(self, space: Space, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._grid = itertools.product(*(axis_values(axis) for axis in self.hyperparameters.space))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        values = next(self._grid, None)
        if values is None:
            return {"status": "STOPPED", "values": None}
        names = (hp.name for hp in self.hyperparameters.space)
        return {"status": "RUNNING", "values": dict(zip(names, values, strict=True))}


class BayesianOracle(keras_tuner.oracles.BayesianOptimizationOracle):
    """KerasTuner's Gaussian process. It replays recorded proposals without searching for each of them again."""

    recorded: dict[str, Any] | None = None

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if self.recorded is None:
            return super().populate_space(trial_id)
        completed = sum(trial.status == "COMPLETED" for trial in self.trials.values())
        dimensions = len(self.hyperparameters.space)
        if completed < max(3 * dimensions, 3):
            return super().populate_space(trial_id)
        # A proposal changes two things: it fits the process to the results and draws random numbers.
        self.gpr.fit(*map(np.nan_to_num, self._vectorize_trials()))
        self._random_state.uniform(size=(_STARTS, dimensions))
        return {"status": "RUNNING", "values": dict(self.recorded)}


def make_oracle(name: str, space: Space, objective: Objective, seed: int, epochs: int) -> Any:
    """Returns a KerasTuner oracle that writes no files, because the search folder holds all it needs.

    Args:
        name: A name in `kerasclf.search.ORACLES`.
        space: The search space.
        objective: The metric to optimise.
        seed: Seed of the proposals, which also depend on the results.
        epochs: Maximum number of epochs per trial, for Hyperband.

    Raises:
        KerasclfError: If a package is missing.
    """
    common: dict[str, Any] = {
        "objective": keras_tuner.Objective(objective.metric, objective.direction),
        "hyperparameters": to_hyperparameters(space),
        "seed": seed + 1,  # KerasTuner treats 0 as no seed
        "max_consecutive_failed_trials": _NO_LIMIT,
    }
    oracle: Any
    if name == "random":
        oracle = keras_tuner.oracles.RandomSearchOracle(max_trials=None, **common)
    elif name == "grid":
        oracle = GridOracle(space, **common)
    elif name == "bayesian":
        oracle = BayesianOracle(max_trials=None, **common)
    elif name == "hyperband":
        oracle = keras_tuner.oracles.HyperbandOracle(max_epochs=epochs, factor=_FACTOR, **common)
    else:
        assert name in SAMPLERS
        oracle = OptunaOracle(sampler=name, **common)
    oracle.verbose = 0
    # KerasTuner's files are not atomic and do not suffice to resume a search.
    oracle.save = oracle._save_trial = lambda *trial: None
    return oracle


class OracleAdapter:
    """Proposals and results of an oracle by trial number, counted from 0.

    Args:
        oracle: A KerasTuner oracle.
    """

    def __init__(self, oracle: Any) -> None:
        self.oracle = oracle
        self._ids: list[str] = []

    def ask(self, recorded: dict[str, Any] | None = None) -> dict[str, Any] | str:
        """Returns KerasTuner's values for the next trial, or `"IDLE"` or `"STOPPED"` if there is none.

        Args:
            recorded: The earlier proposal of this trial, in a resumed search.
        """
        with _no_warnings():
            self.oracle.recorded = recorded
            trial = self.oracle.create_trial(f"trial-{len(self._ids)}")
        if trial.status != "RUNNING":
            return str(trial.status)
        self._ids.append(trial.trial_id)
        return dict(trial.hyperparameters.values)

    def tell(self, number: int, value: float | None) -> None:
        """Reports the value of a trial to the oracle; None if the trial failed."""
        trial = self.oracle.trials[self._ids[number]]
        with _no_warnings():
            if value is not None:
                self.oracle.update_trial(trial.trial_id, {self.oracle.objective.name: value})
            trial.status = "FAILED" if value is None else "COMPLETED"
            self.oracle.end_trial(trial)


def _no_warnings() -> Any:
    return warnings.catch_warnings(action="ignore")  # KerasTuner uses deprecated names of threading
