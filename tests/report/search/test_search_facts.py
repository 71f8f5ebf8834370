"""The facts in the report of a search, as text."""

from types import SimpleNamespace

import numpy as np
import pytest

from kerasclf import Experiment
from kerasclf.report.comparisons import Comparison
from kerasclf.report.search.search_facts import Gain, gain_warning, trial_interval
from kerasclf.report.statistics.intervals import Interval, accuracy_interval
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import write_run


def gain(value, half, p, basis="repeated"):
    difference = Interval(value, value - half, value + half, p)
    comparison = Comparison("best", "base", (3, 3), 500, basis, difference, difference, 0.06, 0.02, p_holm=p)
    return Gain(None, comparison, 1)


def test_a_gain_that_is_not_significant_gets_a_warning():
    assert gain_warning(gain(0.01, 0.03, 0.3)) == (
        "The gain on the test set is not statistically significant: +1.0 points (−2.0 to +4.0) compared "
        "with the base experiment. These runs do not show that the new settings are better. This study would find 6.0 "
        "points or more in four of five cases; below 2.0, more test images are needed, not more runs."
    )
    assert gain_warning(gain(0.05, 0.01, 0.001, basis="networks")).endswith("One run each says nothing of other seeds.")


def test_a_significant_gain_gets_none():
    assert gain_warning(gain(0.05, 0.01, 0.001)) == ""
    assert gain_warning(None) == ""


@pytest.mark.parametrize("groups", [None, np.arange(30) // 3])
def test_the_interval_of_a_trial_is_over_its_groups(tmp_path, groups):
    found = {} if groups is None else {"test_groups": groups.tolist()}
    write_run(StudyFolder(tmp_path), "1", Experiment(), 0, 0.6, **found)
    (path,) = tmp_path.glob("runs/*/seed-0")
    trial = SimpleNamespace(runs=[SimpleNamespace(folder=path.relative_to(tmp_path / "runs"))], whole=True)
    search = SimpleNamespace(goal=SimpleNamespace(of_run="validation_accuracy"), folds=None, objective="val_accuracy")
    results = SimpleNamespace(search=search, best=None, folder=SimpleNamespace(path=tmp_path))
    labels, probabilities = RunFolder(path).predictions()
    expected = accuracy_interval(probabilities.argmax(axis=1) == labels, groups=groups)
    assert trial_interval(results, trial) == pytest.approx(expected, nan_ok=True)
    assert expected.value == pytest.approx(0.6)
