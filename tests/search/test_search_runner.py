"""A search from its space to its trials, on an engine that computes no network."""

import json
from dataclasses import replace

import pytest

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.search import Budget, Choice, Float, Int, Search, Space, read_search, run_search
from kerasclf.search.search_state import TooManyFailuresError
from tests.search.fake import BASE, EPOCHS, SPACE, FakeEngine, Killed, accuracy

GRID = {"train.batch_size": Choice(16, 32, 64), "train.learning_rate": Choice(0.01, 0.03, 0.1)}
BUDGET = {"random": 8, "grid": None, "bayesian": 7, "hyperband": None, "tpe": 14, "cmaes": 11, "qmc": 11}


def search(out, oracle="random", engine=None, **more):
    budget = Budget(
        more.pop("max_trials", BUDGET.get(oracle)), more.pop("max_seconds", None), more.pop("max_failures", 5)
    )
    space, repeats = more.pop("space", None) or (GRID if oracle == "grid" else SPACE), more.pop("repeats", 1)
    listener, seed = more.pop("listener", None), more.pop("seed", 0)
    asked = Search(BASE, Space(space), oracle, seed=seed, seeds=tuple(range(seed, seed + repeats)), **more)
    return run_search(asked, out, budget, engine=engine or FakeEngine(), listener=listener)


def outcome(found):
    return [(t.number, t.values, t.status, t.value, t.curve, t.halt) for t in found.trials]


@pytest.mark.parametrize(
    ("oracle", "width"),
    [
        *((oracle, 2) for oracle in ("random", "grid", "hyperband", "tpe")),
        *(pytest.param(oracle, 1, marks=pytest.mark.slow) for oracle in BUDGET),
        *(pytest.param(oracle, 2, marks=pytest.mark.slow) for oracle in ("cmaes", "qmc", "bayesian")),
    ],
)
def test_a_search_killed_ten_times_ends_as_one_left_alone(tmp_path, oracle, width):
    more = {"side_by_side": width, "max_trials": BUDGET[oracle] and BUDGET[oracle] + 3 * (width - 1)}
    undisturbed = search(tmp_path / "undisturbed", oracle, FakeEngine(width, seed=1), **more)
    kills, finished = 0, False
    while not finished:
        # This engine begins anew what was under way, so that some calls must get to the end of a trial.
        kill_after = (4 if kills % 2 else 9 * width + 2) if kills < 10 else None
        try:
            found = search(tmp_path / "out", oracle, FakeEngine(width, seed=kills, kill_after=kill_after), **more)
            finished = True
        except Killed:
            kills += 1
    assert kills == 10, "it was over before it could be killed so often"
    assert found.trials == undisturbed.trials


def test_what_an_oracle_knows_does_not_depend_on_which_trial_is_quicker(tmp_path):
    found = [
        outcome(search(tmp_path / str(seed), "tpe", FakeEngine(3, seed=seed), side_by_side=3)) for seed in range(4)
    ]
    assert found[1:] == found[:-1]
    alone = outcome(search(tmp_path / "alone", "tpe", FakeEngine(1), side_by_side=3))
    assert alone == found[0]
    assert outcome(search(tmp_path / "one", "tpe", FakeEngine(1), side_by_side=1)) != found[0]


def test_a_search_keeps_to_how_it_was_begun_side_by_side(tmp_path):
    expected = outcome(search(tmp_path / "a", "tpe", FakeEngine(2), side_by_side=2))
    with pytest.raises(Killed):
        search(tmp_path / "b", "tpe", FakeEngine(2, kill_after=40), side_by_side=2)
    assert outcome(search(tmp_path / "b", "tpe", FakeEngine(1))) == expected


def test_a_larger_budget_adds_to_what_there_is(tmp_path):
    eight = search(tmp_path / "out", "tpe", max_trials=8)
    engine = FakeEngine()
    twelve = search(tmp_path / "out", "tpe", engine, max_trials=12)
    assert outcome(twelve)[:8] == outcome(eight)
    assert len(engine.made) == 4
    assert outcome(twelve) == outcome(search(tmp_path / "at once", "tpe", max_trials=12))


def test_the_best_trial_and_its_experiment(tmp_path):
    found = search(tmp_path / "out")
    values = [accuracy(BASE.but(train=BASE.train.but(**_train(t.values))), 0, EPOCHS) for t in found.trials]
    assert [t.value for t in found.trials] == values
    assert found.best.value == max(values)
    assert found.experiment.train.learning_rate == found.best.values["train.learning_rate"]
    assert read_search(tmp_path / "out").best == found.best
    low = search(tmp_path / "loss", objective="val_loss")
    assert low.best.value == min(t.value for t in low.trials)


def test_a_grid_has_every_point_once_in_kerastuners_order(tmp_path):
    import keras_tuner

    found = search(tmp_path / "out", "grid", FakeEngine(3), space={**GRID, "train.epochs": Int(3, 9, step=3)})
    points = [tuple(t.values.values()) for t in found.trials]
    assert len(set(points)) == len(points) == 27
    hp = keras_tuner.HyperParameters()
    hp.Choice("a", [16, 32, 64])
    hp.Choice("b", [0.01, 0.03, 0.1])
    hp.Int("c", 3, 9, step=3)
    theirs = keras_tuner.oracles.GridSearchOracle(objective="val_accuracy", hyperparameters=hp)
    theirs.verbose, theirs.save, theirs._save_trial = 0, lambda: None, lambda trial: None
    import warnings

    with warnings.catch_warnings(action="ignore"):
        for point in points:
            trial = theirs.create_trial("tuner")
            assert tuple(trial.hyperparameters.values.values()) == point
            theirs.update_trial(trial.trial_id, {"val_accuracy": 1.0})
            trial.status = "COMPLETED"
            theirs.end_trial(trial)
        assert theirs.create_trial("tuner").status == "STOPPED"


def test_hyperband_lets_the_best_go_on_in_their_own_folders(tmp_path):
    engine = FakeEngine()
    found = search(tmp_path / "out", "hyperband", engine)
    assert {t.halt.after for t in found.trials} == {1, 3, 9}
    longest = [t for t in found.trials if t.halt.after == EPOCHS]
    assert all(t.whole for t in longest)
    assert not any(t.whole for t in found.trials if t.halt.after < EPOCHS)
    assert found.best in longest
    promoted = [t for t in found.trials if t.proposed["tuner/round"] > 0]
    assert promoted
    by_title = {job.title: job for job in engine.made}
    for trial in promoted:
        before = next(t for t in found.trials if t.number == int(trial.proposed["tuner/trial_id"]) + 1)
        assert by_title[trial.title].path == by_title[before.title].path


def test_trials_that_fall_behind_the_median_are_broken_off(tmp_path):
    plain = search(tmp_path / "plain", max_trials=20)
    found = search(tmp_path / "median", max_trials=20, median=True)
    assert [t.values for t in found.trials] == [t.values for t in plain.trials]
    pruned = [t for t in found.trials if t.status == "pruned"]
    assert 3 <= len(pruned) <= 16
    assert all("the median of earlier trials was" in t.message for t in pruned)
    assert sum(t.epochs for t in found.trials) < 0.9 * sum(t.epochs for t in plain.trials)
    assert found.best.values == plain.best.values
    assert not any(t.whole for t in pruned)


def test_repeats_and_folds_are_runs_of_a_trial_and_keep_their_spread(tmp_path):
    engine = FakeEngine(2)
    found = search(tmp_path / "out", engine=engine, max_trials=3, repeats=3)
    assert [len(t.runs) for t in found.trials] == [3, 3, 3]
    assert found.best.spread == pytest.approx(0.001)
    engine = FakeEngine(2)
    found = search(tmp_path / "folds", engine=engine, max_trials=2, folds=4)
    assert [[run.fold for run in t.runs] for t in found.trials] == [[1, 2, 3, 4]] * 2
    assert {job.view.fold for job in engine.made} == {1, 2, 3, 4}
    assert {job.view.reports_on for job in engine.made} == {"validation"}


def test_a_trial_that_fails_is_reported_and_the_search_goes_on(tmp_path):
    fails = lambda job: ("The loss is nan.", True) if job.experiment.train.batch_size == 64 else None  # noqa: E731
    found = search(tmp_path / "out", engine=FakeEngine(fails=fails))
    failed = [t for t in found.trials if t.values["train.batch_size"] == 64]
    assert failed
    assert all(t.status == "failed" and "The loss is nan." in t.message and t.value is None for t in failed)
    assert len(found.trials) == 8
    assert found.best.values["train.batch_size"] != 64


def test_a_search_in_which_everything_fails_stops_after_a_stated_number(tmp_path):
    always = lambda job: ("The loss is nan.", True)  # noqa: E731
    with pytest.raises(
        TooManyFailuresError, match=r"4 trials in a row failed, the last one because: The loss is nan\."
    ):
        search(tmp_path / "out", engine=FakeEngine(fails=always), max_failures=4)
    assert [t.status for t in read_search(tmp_path / "out").trials] == ["failed"] * 4
    with pytest.raises(FolderError, match=r"no finished trial\. 4 failed, the last one because: The loss is nan\."):
        _ = read_search(tmp_path / "out").best


def test_what_the_machine_did_to_a_trial_is_tried_again(tmp_path):
    told = []

    def sometimes(job):
        told.append(job.title)
        return ("The process was killed.", False) if told.count(job.title) <= 2 else None

    assert [t.status for t in search(tmp_path / "out", engine=FakeEngine(fails=sometimes)).trials] == ["completed"] * 8


def test_the_time_is_counted_over_all_calls(tmp_path, monkeypatch):
    import kerasclf.search.budget as budget

    now = [0.0]
    monkeypatch.setattr(budget.time, "monotonic", lambda: now[0])

    class Slow(FakeEngine):
        def _epoch(self, job, rows, listener):
            now[0] += 10
            super()._epoch(job, rows, listener)

    first = search(tmp_path / "out", engine=Slow(), max_seconds=200)  # nine epochs a trial, ten seconds an epoch
    assert [t.status for t in first.trials] == ["completed", "completed", "running"]
    again = Slow()
    assert outcome(search(tmp_path / "out", engine=again, max_seconds=200)) == outcome(first)
    assert again.made == []
    rest = search(tmp_path / "out", engine=Slow(), max_seconds=1000)
    assert [t.status for t in rest.trials] == ["completed"] * 8
    assert outcome(rest) == outcome(search(tmp_path / "other"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"oracle": "bayesian"}, "its oracle is 'random', not 'bayesian'"),
        (
            {"space": {"train.batch_size": Choice(16, 32)}},
            r"its space is with train\.learning_rate\.float \[0\.001, 1\.0\], not None",
        ),
        ({"folds": 2}, "its folds is 0, not 2"),
        ({"seed": 3}, "its seed is 0, not 3"),
    ],
)
def test_another_searchs_folder_is_not_touched(tmp_path, changes, message):
    search(tmp_path / "out", max_trials=1)
    before = (tmp_path / "out" / "search.json").read_bytes()
    with pytest.raises(FolderError, match=message):
        search(tmp_path / "out", **{"max_trials": 1, **changes})
    assert (tmp_path / "out" / "search.json").read_bytes() == before
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("precious")
    with pytest.raises(FolderError, match="is not empty and holds no search"):
        search(tmp_path / "thesis")


def test_workers_may_be_started_before_there_is_a_search_each_under_a_name_of_its_own(tmp_path):
    from kerasclf.search.distributed.worker_supervisor import _identity

    with _identity(tmp_path / "out", None) as one, _identity(tmp_path / "out", None) as other:
        assert one != other
        with (
            pytest.raises(FolderError, match=rf"cannot take the name {other}: .* is in use by process"),
            _identity(tmp_path / "out", other),
        ):
            pass
    assert len(search(tmp_path / "out", max_trials=1).trials) == 1


def test_a_searchs_folder_that_was_edited_is_named(tmp_path):
    search(tmp_path / "out", max_trials=3)
    path = tmp_path / "out" / "trials" / "00002.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "values": {**plain["values"], "train.batch_size": 48}}))
    with pytest.raises(FolderError, match=r"trial 2 was .*48.* and the oracle would now propose"):
        search(tmp_path / "out", max_trials=4)
    path.unlink()
    with pytest.raises(FolderError, match=r"00002\.json is missing"):
        search(tmp_path / "out", max_trials=4)


def test_two_searches_in_one_folder_are_refused(tmp_path):
    from kerasclf.locks import hold

    with hold(tmp_path / "out"), pytest.raises(FolderError, match="is in use by process"):
        search(tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"oracle": "tpee", "max_trials": 1}, "Unknown oracle 'tpee'. Did you mean 'tpe'?"),
        ({"objective": "accuracy"}, "Unknown objective 'accuracy'"),
        ({"max_trials": 0}, "max_trials: expected at least 1. Received: 0."),
        ({"max_seconds": 0}, "max_time: expected more than no time. Received: 0 s."),
        ({"max_trials": None}, "budget: expected max_trials"),
        ({"folds": 1}, "folds: expected 2 or more, or 0 for none. Received: 1."),
        ({"folds": 60}, "folds: expected at most 40, the images of the smallest class"),
        ({"space": Space({})}, "it is empty"),
        ({"space": {"train.learning_rate": Float(0.1, 0.01)}}, "the bounds are reversed: low is 0.1, high is 0.01"),
        ({"space": {"train.learning_rate": Float(0.1, 0.1)}}, "so that the axis changes nothing"),
        ({"space": {"train.batchsize": Int(1, 9)}}, "Did you mean 'train.batch_size'?"),
        ({"space": {"model.nothing": Choice(1, 2)}}, "model.nothing: the axis changes nothing"),
        ({"space": {"train.steps_per_execution": Choice(1, 2)}}, "changes nothing of what is learnt"),
        ({"space": {"split.validation": Float(0.1, 0.2)}}, "trials that see other images cannot be compared"),
        ({"oracle": "grid", "space": SPACE}, "train.learning_rate: a grid needs single values"),
        ({"oracle": "hyperband", "space": {"train.epochs": Int(1, 9)}, "max_trials": 9}, "Hyperband itself decides"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_before_there_is_a_folder(tmp_path, arguments, message):
    with pytest.raises(KerasclfError) as caught:
        search(tmp_path / "out", **arguments)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_all_problems_come_together():
    wrong = Search(BASE, Space({"train.batchsize": Int(9, 1), "data": Choice("a", "b")}), oracle="tp", folds=1)
    with pytest.raises(KerasclfError) as caught:
        wrong.check()
    for words in ("Unknown oracle", "folds", "reversed", "'train.batch_size'", "other images"):
        assert words in str(caught.value)


def test_a_search_travels_as_json():
    mine = Search(BASE, Space({**SPACE, "train.early_stopping": Choice(None)}), "tpe", seeds=(1, 2), notes=("a",))
    assert Search.from_dict(json.loads(json.dumps(mine.to_dict()))) == mine
    assert replace(mine, folds=3) != mine


def _train(values):
    return {name.removeprefix("train."): value for name, value in values.items()}
