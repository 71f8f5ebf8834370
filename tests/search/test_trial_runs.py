"""`TrialRuns`: repeats, folds and repeated attempts."""

import pytest

from kerasclf.search import Budget
from tests.search.fake import FakeEngine, outcome, search


def test_a_trial_has_a_run_per_seed_and_keeps_their_spread(tmp_path):
    results = search(tmp_path / "out", engine=FakeEngine(2), budget=Budget(3), seeds=(0, 1, 2))
    assert [len(t.runs) for t in results.trials] == [3, 3, 3]
    assert results.best.spread == pytest.approx(0.001)


def test_a_trial_has_a_run_per_fold(tmp_path):
    engine = FakeEngine(2)
    results = search(tmp_path / "out", engine=engine, budget=Budget(2), folds=4)
    assert [[run.fold for run in t.runs] for t in results.trials] == [[1, 2, 3, 4]] * 2
    assert {job.view.fold for job in engine.made} == {1, 2, 3, 4}
    assert {job.view.reports_on for job in engine.made} == {"validation"}


def test_the_order_in_which_runs_end_changes_no_digit(tmp_path):
    """The mean of a curve over seeds and folds is that of the runs in their own order."""
    ends = [
        outcome(search(tmp_path / str(seed), engine=FakeEngine(3, seed), budget=Budget(4), seeds=(0, 1), folds=3))
        for seed in range(4)
    ]
    assert ends[1:] == ends[:1] * 3


def test_failures_of_the_machine_are_repeated_at_most_three_times(tmp_path):
    attempts = []

    def fails(job, most):
        attempts.append(job.title)
        return ("The process was killed.", False) if attempts.count(job.title) <= most else None

    twice = search(tmp_path / "twice", engine=FakeEngine(fails=lambda job: fails(job, 2)))
    assert [t.status for t in twice.trials] == ["completed"] * 8
    attempts.clear()
    always = search(tmp_path / "always", engine=FakeEngine(fails=lambda job: fails(job, 99)), budget=Budget(1))
    assert [t.status for t in always.trials] == ["failed"]
    assert attempts == ["trial 1"] * 3


def test_a_run_of_a_failed_trial_is_not_repeated(tmp_path):
    """The machine kills one of its runs after another one has failed for good."""
    attempts = []

    def fails(job):
        attempts.append(job.title)
        return ("The loss is not finite.", True) if len(attempts) == 1 else ("The process was killed.", False)

    engine = FakeEngine(2, fails=fails)
    results = search(tmp_path / "out", engine=engine, budget=Budget(1), seeds=(0, 1))
    assert [t.status for t in results.trials] == ["failed"]
    assert results.trials[0].message == "The loss is not finite."
    assert len(attempts) == 2
