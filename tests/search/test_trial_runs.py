"""`TrialRuns`: repeats, folds and repeated attempts."""

import random

import pytest

from kerasclf.search import Budget
from tests.search.fake import FakeEngine, Killed, accuracy, outcome, search


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


@pytest.mark.parametrize("speed", range(4))
def test_a_run_after_a_failed_one_is_not_repeated(tmp_path, speed):
    """The machine kills one of its runs after an earlier one has failed for good."""
    attempts = []

    def fails(job):
        attempts.append(job.seed)
        return ("The process was killed.", False) if job.seed else ("The loss is not finite.", True)

    engine = FakeEngine(2, speed, fails=fails)
    results = search(tmp_path / "out", engine=engine, budget=Budget(1), seeds=(0, 1))
    assert [t.status for t in results.trials] == ["failed"]
    assert results.trials[0].message == "The loss is not finite."
    assert attempts.count(0) == 1
    assert len(attempts[attempts.index(0) :]) <= 2


@pytest.fixture
def noisy(monkeypatch):
    """Lets the median rule prune runs with some seeds only."""

    def noisy_accuracy(experiment, seed, epoch):
        noise = random.Random(f"{experiment.identity} {seed} {epoch}").uniform(-0.2, 0.2)
        return round(accuracy(experiment, seed, epoch) + noise, 6)

    monkeypatch.setattr("tests.search.fake.accuracy", noisy_accuracy)


def diverges(job):
    """Returns the failure of a run, for about one in fifteen."""
    draw = random.Random(f"{job.experiment.identity} {job.seed}").random()
    return ("The loss is not finite.", True) if draw < 1 / 15 else None


def pruned_search(folder, width, speed, kill_after=None):
    engine = FakeEngine(width, speed, kill_after, diverges)
    return search(folder, engine=engine, budget=Budget(16, failures=16), median=True, seeds=(0, 1, 2, 3)).trials


def test_which_run_is_faster_changes_nothing_when_runs_are_pruned_or_fail(tmp_path, noisy):
    alone = pruned_search(tmp_path / "alone", 1, 0)
    assert {t.status for t in alone} == {"completed", "pruned", "failed"}
    assert {len(t.runs) for t in alone if t.status == "pruned"} > {1}
    for width, speed in [(2, 1), (2, 2), (4, 3)]:
        assert pruned_search(tmp_path / f"{width} {speed}", width, speed) == alone


def test_a_killed_search_prunes_the_same_runs(tmp_path, noisy):
    kills, found = 0, None
    while found is None:
        try:
            # The fake engine restarts runs under way from their first epoch. Each call must reach the end of a trial.
            found = pruned_search(tmp_path / "out", 2, kills, kill_after=50)
        except Killed:
            kills += 1
    assert kills > 3
    assert found == pruned_search(tmp_path / "alone", 1, 0)
