"""The median rule."""

from kerasclf.search import Budget
from kerasclf.search.objective import Objective
from kerasclf.search.pruning import median_bounds
from kerasclf.search.trial import Trial
from tests.search.fake import search


def trials(*curves):
    return [Trial(n, {}, {}, status="completed", curve=curve) for n, curve in enumerate(curves, 1)]


def test_bounds_are_medians_of_the_best_values_so_far():
    curves = [(0.1, 0.5, 0.4), (0.2, 0.3, 0.6), (0.3, 0.2, 0.1), (0.9, 0.1, 0.9)]
    assert median_bounds(trials(*curves), Objective("val_accuracy"), 3) == (0.25, 0.4)
    assert median_bounds(trials(*curves), Objective("val_loss"), 3) == (0.25, 0.15000000000000002)


def test_there_are_no_bounds_in_the_first_fifth_of_the_epochs_nor_before_four_trials():
    curve = tuple(0.1 * epoch for epoch in range(10))
    assert median_bounds(trials(curve, curve, curve), Objective("val_accuracy"), 10) == ()
    bounds = median_bounds(trials(curve, curve, curve, curve), Objective("val_accuracy"), 10)
    assert [bound is None for bound in bounds] == [True, True] + [False] * 7


def test_trials_that_fall_behind_the_median_stop_early(tmp_path):
    plain = search(tmp_path / "plain", budget=Budget(20))
    results = search(tmp_path / "median", budget=Budget(20), median=True)
    assert [t.values for t in results.trials] == [t.values for t in plain.trials]
    pruned = [t for t in results.trials if t.status == "pruned"]
    assert 3 <= len(pruned) <= 16
    assert all("the median of earlier trials was" in t.message for t in pruned)
    assert sum(t.epochs for t in results.trials) < 0.9 * sum(t.epochs for t in plain.trials)
    assert results.best.values == plain.best.values
    assert not any(t.whole for t in pruned)
