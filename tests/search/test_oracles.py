"""Oracles: as good as KerasTuner's and Optuna's own loops, and the special cases of the grid and Hyperband.

An oracle and its origin search for a known optimum with the same budget. Medians over ten seeds are compared.
"""

import math
import statistics
import warnings
from importlib import util

import keras_tuner
import optuna
import pytest

from kerasclf.search import Float, Int, Space
from kerasclf.search.objective import Objective
from kerasclf.search.optuna_oracle import make_sampler
from kerasclf.search.oracles import OracleAdapter, make_oracle
from kerasclf.search.spaces.hyperparameters import from_values
from tests.search.fake import EPOCHS, GRID, FakeEngine, search

SPACE = Space({"rate": Float(1e-4, 1.0, log=True), "drop": Float(0.0, 0.9), "width": Int(1, 64)})
SEEDS = range(10)
# Tolerance between two medians of ten, in units of the objective, which spans about 2.
CLOSE = 0.12
NEEDS_TORCH = pytest.mark.skipif(util.find_spec("torch") is None, reason="PyTorch is not installed")


def height(values, epochs=EPOCHS):
    """Returns an objective that grows over the epochs to at most 1, at rate 0.01, drop 0.3 and width 40."""
    distance = (
        (math.log10(values["rate"]) + 2) ** 2 / 4 + (values["drop"] - 0.3) ** 2 * 2 + ((values["width"] - 40) / 40) ** 2
    )
    return (1 - distance) * (1 - 0.5**epochs) / (1 - 0.5**EPOCHS)


def kerasclf_best(name, seed, budget):
    oracle, best = OracleAdapter(make_oracle(name, SPACE, Objective("val_accuracy"), seed, EPOCHS)), -math.inf
    for number in range(budget):
        proposed = oracle.ask()
        if isinstance(proposed, str):
            break
        value = height(from_values(SPACE, proposed), int(proposed.get("tuner/epochs", EPOCHS)))
        best = max(best, value)
        oracle.tell(number, value)
    return best


def keras_tuner_best(name, seed, budget, tmp_path):
    """Returns the best objective of KerasTuner's own tuner."""

    class Tuner(getattr(keras_tuner, name)):
        def run_trial(self, trial, *args, **kwargs):
            hp = trial.hyperparameters
            values = {
                "rate": hp.Float("rate", 1e-4, 1.0, sampling="log"),
                "drop": hp.Float("drop", 0.0, 0.9),
                "width": hp.Int("width", 1, 64),
            }
            return {"val_accuracy": height(values, hp.values.get("tuner/epochs", EPOCHS))}

    hp = keras_tuner.HyperParameters()
    hp.Float("rate", 1e-4, 1.0, sampling="log")
    hp.Float("drop", 0.0, 0.9)
    hp.Int("width", 1, 64)
    length = {"max_epochs": EPOCHS} if name == "Hyperband" else {"max_trials": budget}
    with warnings.catch_warnings(action="ignore"):
        tuner = Tuner(
            lambda hp: None, objective=keras_tuner.Objective("val_accuracy", "max"), hyperparameters=hp, seed=seed + 1,
            directory=tmp_path, project_name=f"{name}-{seed}", **length,
        )  # fmt: skip
        tuner.search(verbose=0)
        return tuner.oracle.get_best_trials()[0].score


def optuna_best(name, seed, budget):
    """Returns the best objective of Optuna's own loop."""
    study = optuna.create_study(direction="maximize", sampler=make_sampler(name, seed + 1))

    def objective(trial):
        return height(
            {
                "rate": trial.suggest_float("rate", 1e-4, 1.0, log=True),
                "drop": trial.suggest_float("drop", 0.0, 0.9),
                "width": trial.suggest_int("width", 1, 64),
            }
        )

    with warnings.catch_warnings(action="ignore"):
        study.optimize(objective, n_trials=budget)
    return study.best_value


def medians(name, origin, budget, tmp_path, seeds=SEEDS):
    def origin_best(seed):
        if origin is None:
            return optuna_best(name, seed, budget)
        return keras_tuner_best(origin, seed, budget, tmp_path)

    return (
        statistics.median(kerasclf_best(name, seed, budget) for seed in seeds),
        statistics.median(origin_best(seed) for seed in seeds),
    )


@pytest.mark.parametrize(
    ("name", "origin", "budget"),
    [
        ("random", "RandomSearch", 40),
        pytest.param("tpe", None, 40, marks=pytest.mark.slow),
        pytest.param("hyperband", "Hyperband", 40, marks=pytest.mark.slow),
        pytest.param("cmaes", None, 40, marks=pytest.mark.slow),
        pytest.param("qmc", None, 40, marks=pytest.mark.slow),
        pytest.param("bayesian", "BayesianOptimization", 12, marks=pytest.mark.slow),
        pytest.param("gp", None, 25, marks=[pytest.mark.slow, NEEDS_TORCH]),
    ],
)
def test_an_oracle_is_about_as_good_as_its_origin(name, origin, budget, tmp_path):
    mine, theirs = medians(name, origin, budget, tmp_path)
    print(f"{name}: {mine:.3f}, alone {theirs:.3f}")  # shown by pytest -s
    assert mine > 0.7
    assert abs(mine - theirs) < CLOSE


@pytest.mark.slow
def test_an_adaptive_oracle_beats_random_search():
    random_search = statistics.median(kerasclf_best("random", seed, 40) for seed in SEEDS)
    assert statistics.median(kerasclf_best("tpe", seed, 40) for seed in SEEDS) > random_search


def test_the_grid_contains_its_best_point(tmp_path):
    grid = Space(
        {"rate": Float(1e-4, 1.0, log=True, step=10.0), "drop": Float(0.0, 0.9, step=0.3), "width": Int(8, 64, step=8)}
    )
    oracle, values = OracleAdapter(make_oracle("grid", grid, Objective("val_accuracy"), 0, EPOCHS)), []
    while not isinstance(proposed := oracle.ask(), str):
        values.append(height(from_values(grid, proposed)))
        oracle.tell(len(values) - 1, values[-1])
    assert len(values) == 5 * 4 * 8
    assert max(values) == pytest.approx(1.0)


def test_a_grid_has_every_point_once_in_kerastuners_order(tmp_path):
    results = search(tmp_path / "out", "grid", engine=FakeEngine(3), space={**GRID, "train.epochs": Int(3, 9, step=3)})
    points = [tuple(t.values.values()) for t in results.trials]
    assert len(set(points)) == len(points) == 27
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [16, 32, 64])
    hp.Choice("b", [0.01, 0.03, 0.1])
    hp.Int("c", 3, 9, step=3)
    oracle = keras_tuner.oracles.GridSearchOracle(objective="val_accuracy", hyperparameters=hp)
    oracle.verbose, oracle.save, oracle._save_trial = 0, lambda: None, lambda trial: None
    with warnings.catch_warnings(action="ignore"):
        for point in points:
            trial = oracle.create_trial("tuner")
            assert tuple(trial.hyperparameters.values.values()) == point
            oracle.update_trial(trial.trial_id, {"val_accuracy": 1.0})
            trial.status = "COMPLETED"
            oracle.end_trial(trial)
        assert oracle.create_trial("tuner").status == "STOPPED"


def test_hyperband_resumes_promoted_trials_in_their_own_folders(tmp_path):
    engine = FakeEngine()
    results = search(tmp_path / "out", "hyperband", engine=engine)
    assert {t.halt.after for t in results.trials} == {1, 3, 9}
    longest = [t for t in results.trials if t.halt.after == EPOCHS]
    assert all(t.whole for t in longest)
    assert not any(t.whole for t in results.trials if t.halt.after < EPOCHS)
    assert results.best in longest
    promoted = [t for t in results.trials if t.proposed["tuner/round"] > 0]
    assert promoted
    by_title = {job.title: job for job in engine.made}
    for trial in promoted:
        earlier = next(t for t in results.trials if t.number == int(trial.proposed["tuner/trial_id"]) + 1)
        assert by_title[trial.title].path == by_title[earlier.title].path
