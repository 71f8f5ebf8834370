"""The end of a search: the base experiment and the best trial on the test set, and the refit."""

import pytest

from kerasclf import Experiment, Split, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.report.search.search_facts import read_gain
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.progress import SilentRunListener
from kerasclf.search import Budget, Choice, Search, Space, run_search
from kerasclf.search.final_runs import BASE, BEST, finish, prepare_finish, refit_of
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.training import Schedule

# The second trial is better than the first.
RATES = Space({"train.learning_rate": Choice(1e-5, 0.05)})


def experiment(**changes):
    train = TrainConfig(epochs=2, batch_size=16, **changes)
    return Experiment(data="iris", model="mlp", split=Split(validation=0.25, test=0.2), train=train)


def end(out, trials, refit=False, **settings):
    results = run_search(Search(experiment(), RATES, "grid", **settings), out, Budget(trials), engine=Inline())
    finish(prepare_finish(results, Inline(), refit), Inline(), SilentRunListener())
    return results


@pytest.mark.slow
def test_a_better_trial_of_a_longer_search_is_evaluated_too(tmp_path):
    assert end(tmp_path / "out", 1, final_seeds=(5,)).best.number == 1
    before = set(tmp_path.rglob("final/runs/*/seed-5"))
    results = end(tmp_path / "out", 2, final_seeds=(5,))
    assert results.best.number == 2
    final = StudyFolder(results.folder.final)
    assert final.read()["experiments"].keys() == {BASE, BEST}
    assert final.read()["experiments"][BEST]["train"]["learning_rate"] == 0.05
    assert set(tmp_path.rglob("final/runs/*/seed-5")) > before
    assert read_gain(results).candidates == 2


@pytest.mark.slow
def test_a_refit_needs_no_final_repeats(tmp_path):
    results = end(tmp_path / "out", 1, refit=True, final_seeds=())
    assert refit_of(results.folder)["trial"] == 1
    assert not results.folder.final.exists()


def test_a_refit_of_a_trial_that_needs_a_validation_set_is_refused(tmp_path):
    needs_validation = experiment(schedule=Schedule("plateau"))
    results = run_search(Search(needs_validation, RATES, "grid"), tmp_path / "out", Budget(1), engine=Inline())
    with pytest.raises(KerasclfError, match="trial 1: expected a schedule that needs no validation set"):
        prepare_finish(results, Inline(), refit=True)
