"""Optuna's samplers (TPE, CMA-ES, …) as a KerasTuner oracle. Needs KerasTuner and Optuna (extra 'optuna')."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as hps

from kerasclf.errors import KerasclfError

SAMPLERS = ("tpe", "cmaes", "qmc", "gp")


class OptunaOracle(keras_tuner.Oracle):
    """Takes its proposals from one of Optuna's samplers; a KerasTuner oracle like every other.

    Args:
        objective: As KerasTuner has it, such as `keras_tuner.Objective("val_accuracy", "max")`.
        sampler: A name out of `SAMPLERS`: TPE, CMA-ES, quasi-Monte Carlo or a Gaussian process.
        seed: Decides the proposals, together with the results.
        **more: The other arguments of `keras_tuner.Oracle`.

    Raises:
        KerasclfError: Optuna, or what the sampler needs, is not installed.
    """

    def __init__(self, objective: Any = None, sampler: str = "tpe", seed: int | None = None, **more: Any) -> None:
        super().__init__(objective=objective, seed=seed, **more)
        optuna = import_optuna()
        direction = "maximize" if self.objective.direction == "max" else "minimize"
        self._study = optuna.create_study(direction=direction, sampler=make_sampler(sampler, seed))
        self._asked: dict[str, Any] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        distributions = {hp.name: _distribution(hp) for hp in self.hyperparameters.space}
        with _quiet():
            trial = self._study.ask(distributions)
        self._asked[trial_id] = trial
        return {"status": "RUNNING", "values": dict(trial.params)}

    def end_trial(self, trial: Any) -> None:
        super().end_trial(trial)
        asked = self._asked.pop(trial.trial_id, None)
        if asked is None:
            return
        ended = self.trials[trial.trial_id]
        with _quiet():
            if ended.status == "COMPLETED":
                self._study.tell(asked, ended.score)
            else:
                self._study.tell(asked, state=import_optuna().trial.TrialState.FAIL)


def import_optuna() -> Any:
    """Imports Optuna, which then says nothing but warnings.

    Raises:
        KerasclfError: It is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise KerasclfError(
            f"The oracles {', '.join(SAMPLERS)} need Optuna; install it with: pip install 'kerasclf[optuna]'"
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def make_sampler(name: str, seed: int | None) -> Any:
    """Returns one of Optuna's samplers with its own defaults.

    Raises:
        KerasclfError: A package that it needs is not installed.
    """
    samplers = import_optuna().samplers
    needs = {"cmaes": "cmaes", "gp": "torch"}.get(name)
    if needs:
        try:
            __import__(needs)
        except ImportError as error:
            raise KerasclfError(f"The oracle {name!r} needs the package {needs}; install it with pip.") from error
    with _quiet():
        if name == "tpe":
            # A trial that is under way counts as a bad one, so that none side by side is like it.
            return samplers.TPESampler(seed=seed, constant_liar=True)
        if name == "cmaes":
            return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        if name == "qmc":
            return samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
        return samplers.GPSampler(seed=seed)


def _distribution(hp: Any) -> Any:
    distributions = import_optuna().distributions
    if isinstance(hp, hps.Boolean):
        return distributions.CategoricalDistribution([False, True])
    if isinstance(hp, hps.Choice):
        return distributions.CategoricalDistribution(list(hp.values))
    log = hp.sampling == "log"
    if log and hp.step not in (None, 1):  # Optuna has no steps that multiply
        return distributions.CategoricalDistribution(list(hp.values))
    if isinstance(hp, hps.Int):
        return distributions.IntDistribution(hp.min_value, hp.max_value, log=log, step=1 if log else hp.step or 1)
    return distributions.FloatDistribution(hp.min_value, hp.max_value, log=log, step=None if log else hp.step)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Optuna warns of what is experimental, and of steps that do not end at the upper bound."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
