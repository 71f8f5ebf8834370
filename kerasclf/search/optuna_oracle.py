"""Optuna's samplers (TPE, CMA-ES, …) as a KerasTuner oracle. Needs KerasTuner and Optuna (extra 'optuna')."""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import keras_tuner
from keras_tuner.engine import hyperparameters as hps

from kerasclf.errors import KerasclfError
from kerasclf.extras import install_command

SAMPLERS = ("tpe", "cmaes", "qmc", "gp")


class OptunaOracle(keras_tuner.Oracle):
    """A KerasTuner oracle that takes its proposals from one of Optuna's samplers.

    Args:
        objective: KerasTuner's objective, such as `keras_tuner.Objective("val_accuracy", "max")`.
        sampler: A name in `SAMPLERS`: TPE, CMA-ES, quasi-Monte Carlo or a Gaussian process.
        seed: Seed of the proposals, which also depend on the results.
        **kwargs: The other arguments of `keras_tuner.Oracle`.

    Raises:
        KerasclfError: If Optuna or a package that the sampler needs is not installed.
    """

    def __init__(self, objective: Any = None, sampler: str = "tpe", seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(objective=objective, seed=seed, **kwargs)
        optuna = import_optuna()
        direction = "maximize" if self.objective.direction == "max" else "minimize"
        self._study = optuna.create_study(direction=direction, sampler=make_sampler(sampler, seed))
        self._pending: dict[str, Any] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        distributions = {hp.name: _distribution(hp) for hp in self.hyperparameters.space}
        with _no_warnings():
            trial = self._study.ask(distributions)
        self._pending[trial_id] = trial
        return {"status": "RUNNING", "values": dict(trial.params)}

    def end_trial(self, trial: Any) -> None:
        super().end_trial(trial)
        optuna_trial = self._pending.pop(trial.trial_id, None)
        if optuna_trial is None:
            return
        ended = self.trials[trial.trial_id]
        with _no_warnings():
            if ended.status == "COMPLETED":
                self._study.tell(optuna_trial, ended.score)
            else:
                self._study.tell(optuna_trial, state=import_optuna().trial.TrialState.FAIL)


def import_optuna() -> Any:
    """Imports Optuna and silences all its messages but warnings.

    Raises:
        KerasclfError: If it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise KerasclfError(
            f"The oracles {', '.join(SAMPLERS)} need Optuna. Install it: {install_command('optuna')}."
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def make_sampler(name: str, seed: int | None) -> Any:
    """Returns one of Optuna's samplers with Optuna's defaults.

    Raises:
        KerasclfError: If a package that it needs is not installed.
    """
    samplers = import_optuna().samplers
    package = {"cmaes": "cmaes", "gp": "torch"}.get(name)
    if package:
        try:
            __import__(package)
        except ImportError as error:
            raise KerasclfError(
                f"The oracle {name!r} needs the package {package}. Install it: "
                f"{install_command('optuna') if package == 'cmaes' else f'pip install {package}'}."
            ) from error
    with _no_warnings():
        if name == "tpe":
            # A trial under way counts as a bad one. This keeps trials side by side apart.
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
        step = 1 if log or hp.step is None else hp.step
        return distributions.IntDistribution(hp.min_value, hp.max_value, log=log, step=step)
    return distributions.FloatDistribution(hp.min_value, hp.max_value, log=log, step=None if log else hp.step)


@contextlib.contextmanager
def _no_warnings() -> Iterator[None]:
    """Silences Optuna's warnings about experimental features and steps that miss the upper bound."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
