"""`SearchResults`: the best trial, the ranking and the table."""

import json

import pytest

from kerasclf.errors import FolderError
from kerasclf.search import Budget, read_search
from tests.search.fake import BASE, EPOCHS, FakeEngine, accuracy, search


def test_the_best_trial_and_its_experiment(tmp_path):
    results = search(tmp_path / "out")
    values = [accuracy(results.search.space.apply(BASE, t.values), 0, EPOCHS) for t in results.trials]
    assert [t.value for t in results.trials] == values
    assert results.best.value == max(values)
    assert results.experiment.train.learning_rate == results.best.values["train.learning_rate"]
    assert read_search(tmp_path / "out").best == results.best
    by_loss = search(tmp_path / "loss", objective="val_loss")
    assert by_loss.best.value == min(t.value for t in by_loss.trials)


def test_trials_trained_to_their_end_rank_before_the_others(tmp_path):
    results = search(tmp_path / "out", "hyperband")
    ranked = results.ranked
    assert [t.whole for t in ranked] == sorted((t.whole for t in ranked), reverse=True)
    whole = [t.value for t in ranked if t.whole]
    assert whole == sorted(whole, reverse=True)


def test_the_table_has_a_row_per_trial(tmp_path):
    fails = lambda job: ("The loss is nan.", True) if job.name == "trial 2" else None  # noqa: E731
    results = search(tmp_path / "out", engine=FakeEngine(fails=fails))
    table = results.table()
    assert list(table["trial"]) == list(range(1, 9))
    assert table["status"][1] == "failed"
    assert table["val_accuracy"].notna().sum() == 7
    assert list(table["train.batch_size"]) == [t.values["train.batch_size"] for t in results.trials]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"runs": "none"}, "runs: expected a list. Received: 'none'"),
        ({"value": float("nan")}, "value: expected null or a finite number|value: expected a finite number or null"),
        ({"status": "complete"}, "Unknown status 'complete'. Did you mean 'completed'"),
        ({"values": {"train.batch_size": 16}}, "trial 1 has no value of the axis train.learning_rate"),
        ({"values": {"train.batch_size": 17, "train.learning_rate": 0.1}}, "no value of the axis train.batch_size"),
        ({"values": {"train.batch_size": 16, "train.learning_rate": -1}}, "no value of the axis train.learning_rate"),
        ({"runs": [{"seed": 0, "fold": 0, "folder": "../../x", "metrics": {}}]}, "folder: expected IDENTITY/seed-N"),
        ({"runs": [{"seed": 0, "fold": 0, "folder": "x/seed-0", "metrics": {}}]}, "run without validation_accuracy"),
        ({"runs": []}, "run without validation_accuracy"),
    ],
)
def test_a_trial_of_a_stranger_is_refused(tmp_path, changes, message):
    search(tmp_path / "out", budget=Budget(1))
    path = tmp_path / "out" / "trials" / "00001.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(FolderError, match=message):
        read_search(tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 3}, "search.seeds: expected a list. Received: 3"),
        ({"oracle": "grd"}, "Unknown oracle 'grd'. Did you mean 'grid'"),
        ({"space": {"train.lr": {"float": [0.1, 1.0]}}}, "train.lr"),
        ({"experiment": {"bogus": 1}}, "Unknown Experiment field 'bogus'"),
    ],
)
def test_a_search_of_a_stranger_is_refused(tmp_path, changes, message):
    search(tmp_path / "out", budget=Budget(1))
    path = tmp_path / "out" / "search.json"
    plain = json.loads(path.read_text())
    path.write_text(json.dumps({**plain, "search": {**plain["search"], **changes}}))
    with pytest.raises(FolderError, match=message):
        read_search(tmp_path / "out")
