"""`Budget`, `Clock` and durations."""

import pytest

import kerasclf.search.search_budget as budget_module
from kerasclf.errors import KerasclfError
from kerasclf.search import Budget
from kerasclf.search.search_budget import Clock, parse_duration
from kerasclf.search.search_folder import SearchFolder
from tests.search.fake import FakeEngine, outcome, search


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        (Budget(0), "trials: expected at least 1. Received: 0."),
        (Budget(seconds=0), "seconds: expected more than 0. Received: 0."),
        (Budget(seconds=float("nan")), "seconds: expected more than 0. Received: nan."),
        (Budget(1, failures=0), "failures: expected at least 1. Received: 0."),
        (Budget(), "budget: expected `trials`, `seconds` or both, because this oracle proposes without end."),
    ],
)
def test_an_unusable_budget_is_explained(budget, message, tmp_path):
    assert budget.problems(finite=False) == [message]
    with pytest.raises(KerasclfError) as caught:
        search(tmp_path / "out", budget=budget)
    assert message in str(caught.value)


def test_a_finite_oracle_needs_no_budget():
    assert Budget().problems(finite=True) == []


def test_the_time_counts_over_all_calls(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(budget_module.time, "monotonic", lambda: now[0])

    class Slow(FakeEngine):
        def _epoch(self, job, rows, listener):
            now[0] += 10
            super()._epoch(job, rows, listener)

    # Nine epochs per trial, ten seconds per epoch.
    first = search(tmp_path / "out", engine=Slow(), budget=Budget(8, 200))
    assert [t.status for t in first.trials] == ["completed", "completed", "running"]
    again = Slow()
    assert outcome(search(tmp_path / "out", engine=again, budget=Budget(8, 200))) == outcome(first)
    assert again.made == []
    rest = search(tmp_path / "out", engine=Slow(), budget=Budget(8, 1000))
    assert [t.status for t in rest.trials] == ["completed"] * 8
    assert outcome(rest) == outcome(search(tmp_path / "other"))


def test_the_clock_saves_at_most_every_five_seconds(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(budget_module.time, "monotonic", lambda: now[0])
    folder = SearchFolder(tmp_path)
    clock = Clock(folder, 60)
    now[0] = 4
    clock.save()
    assert folder.spent_s() == 0
    clock.save(now=True)
    assert folder.spent_s() == 4
    now[0] = 10
    clock.save()
    assert folder.spent_s() == 10
    assert (Clock(folder, 60).left_s, Clock(folder, None).left_s) == (50, None)
    assert Clock(folder, 10).over
    assert not Clock(folder, None).over


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("20m", 1200), ("10min", 600), ("2h", 7200), ("1h30m", 5400), ("1D", 86400)]
)
def test_durations(text, seconds):
    assert parse_duration(text, "patience") == seconds


@pytest.mark.parametrize("text", ["", "90", "2x", "h2", "1h 30m"])
def test_a_bad_duration_is_explained(text):
    with pytest.raises(KerasclfError, match=r"patience: expected a duration such as 90s, 20m, 2h or 1h30m\. Received"):
        parse_duration(text, "patience")
