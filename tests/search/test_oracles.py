"""Every oracle finds a known optimum about as well as where it comes from: same budget, medians of ten seeds."""

import math
import statistics
import warnings

import keras_tuner
import optuna
import pytest

from kerasclf.search import Float, Int, Space
from kerasclf.search.objective import Objective
from kerasclf.search.optuna_oracle import make_sampler
from kerasclf.search.oracles import OracleAdapter, make_oracle
from kerasclf.search.spaces.hyperparameters import from_values

SPACE = Space({"rate": Float(1e-4, 1.0, log=True), "drop": Float(0.0, 0.9), "width": Int(1, 64)})
EPOCHS = 9
SEEDS = range(10)
# What two samples of a median of ten may differ by, in units of the objective, which spans about 2.
CLOSE = 0.12


def height(values, epochs=EPOCHS):
    """At most 1: at a rate of 0.01, a drop of 0.3 and a width of 40; reached as epochs go by."""
    distance = (
        (math.log10(values["rate"]) + 2) ** 2 / 4 + (values["drop"] - 0.3) ** 2 * 2 + ((values["width"] - 40) / 40) ** 2
    )
    return (1 - distance) * (1 - 0.5**epochs) / (1 - 0.5**EPOCHS)


def ours(name, seed, budget):
    oracle, best = OracleAdapter(make_oracle(name, SPACE, Objective("val_accuracy"), seed, EPOCHS)), -math.inf
    for number in range(budget):
        proposed = oracle.ask()
        if isinstance(proposed, str):
            break
        value = height(from_values(SPACE, proposed), int(proposed.get("tuner/epochs", EPOCHS)))
        best = max(best, value)
        oracle.tell(number, value)
    return best


def kerastuners(name, seed, budget, tmp_path):
    """KerasTuner alone, through its own tuner."""

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


def optunas(name, seed, budget):
    """Optuna alone, with its own loop."""
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
    def alone(seed):
        if origin is None:
            return optunas(name, seed, budget)
        return kerastuners(origin, seed, budget, tmp_path)

    return (
        statistics.median(ours(name, seed, budget) for seed in seeds),
        statistics.median(alone(seed) for seed in seeds),
    )


@pytest.mark.parametrize(
    ("name", "origin", "budget"),
    [
        ("random", "RandomSearch", 40),
        ("tpe", None, 40),
        pytest.param("hyperband", "Hyperband", 40, marks=pytest.mark.slow),
        pytest.param("cmaes", None, 40, marks=pytest.mark.slow),
        pytest.param("qmc", None, 40, marks=pytest.mark.slow),
        pytest.param("bayesian", "BayesianOptimization", 12, marks=pytest.mark.slow),
        pytest.param("gp", None, 25, marks=pytest.mark.slow),
    ],
)
def test_an_oracle_is_about_as_good_as_where_it_comes_from(name, origin, budget, tmp_path):
    mine, theirs = medians(name, origin, budget, tmp_path)
    print(f"{name}: {mine:.3f}, alone {theirs:.3f}")  # shown by pytest -s
    assert mine > 0.7
    assert abs(mine - theirs) < CLOSE


@pytest.mark.slow
def test_an_oracle_that_learns_beats_chance():
    chance = statistics.median(ours("random", seed, 40) for seed in SEEDS)
    assert statistics.median(ours("tpe", seed, 40) for seed in SEEDS) > chance


def test_the_grid_has_the_best_of_its_points(tmp_path):
    grid = Space(
        {"rate": Float(1e-4, 1.0, log=True, step=10.0), "drop": Float(0.0, 0.9, step=0.3), "width": Int(8, 64, step=8)}
    )
    oracle, values = OracleAdapter(make_oracle("grid", grid, Objective("val_accuracy"), 0, EPOCHS)), []
    while not isinstance(proposed := oracle.ask(), str):
        values.append(height(from_values(grid, proposed)))
        oracle.tell(len(values) - 1, values[-1])
    assert len(values) == 5 * 4 * 8
    assert max(values) == pytest.approx(1.0)
