"""The costs of runs, and durations as text."""

from dataclasses import replace

import pytest

from kerasclf.runs.planning.cost import PhaseCost, RunCost, side_by_side_s

HEAD = PhaseCost("head", 400, startup_s=10, epoch_s=1, input_s=0.5, compute_s=1.5, epochs=5, steps=10)
WHOLE = PhaseCost("all", 24_197, startup_s=20, epoch_s=2, input_s=0.5, compute_s=1.5, epochs=30, steps=10)
COST = RunCost((HEAD, WHOLE), disk_mb=4, parameters=24_197)


def test_a_run_takes_as_long_as_its_phases():
    assert (HEAD.phase_s, WHOLE.phase_s, COST.run_s) == (15, 80, 95)


@pytest.mark.parametrize(("epochs_done", "left_s"), [(0, 95), (3, 92), (5, 90), (7, 86), (35, 30)])
def test_finished_epochs_are_not_counted_again(epochs_done, left_s):
    assert COST.left_s(epochs_done) == left_s


def test_the_end_of_a_run_counts_until_it_is_over():
    longer = replace(COST, finish_s=3)
    assert (longer.run_s, longer.left_s(5), longer.left_s(35)) == (98, 93, 33)


@pytest.mark.parametrize(
    ("runs_s", "width", "seconds"),
    [((), 2, 0), ((4, 3, 2), 1, 9), ((4, 4), 2, 4), ((4, 4, 4), 2, 8), ((1, 1, 4), 2, 5), ((4, 1, 1), 2, 4)],
)
def test_a_run_starts_when_another_one_ends(runs_s, width, seconds):
    assert side_by_side_s(runs_s, width) == seconds
