"""`SearchResults`: the best trial, the ranking and the table."""

from kerasclf.search import read_search
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
