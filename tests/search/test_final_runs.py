"""The end of a search: the base experiment and the best trial on the test set, and the refit."""

import pytest

from kerasclf import Experiment, Split, TrainConfig
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.loading import find_model
from kerasclf.report.model_card import write_model_card
from kerasclf.report.search.search_facts import read_gain
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.progress import SilentRunListener
from kerasclf.search import Budget, Choice, Search, Space, run_search
from kerasclf.search.final_runs import BASE, BEST, finish, forget_earlier_best, prepare_finish, refit_of
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.training import Schedule

# The second trial is better than the first.
RATES = Space({"train.learning_rate": Choice(1e-5, 0.05)})


def experiment(**changes):
    train = TrainConfig(epochs=2, batch_size=16, **changes)
    return Experiment(data="iris", model="mlp", split=Split(validation=0.25, test=0.2), train=train)


def end(out, trials, refit=False, **settings):
    results = run_search(Search(experiment(), RATES, "grid", **settings), out, Budget(trials), engine=Inline())
    forget_earlier_best(results)
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
    assert refit_of(results)["trial"] == 1
    assert not results.folder.final.exists()


@pytest.mark.slow
def test_models_of_an_earlier_best_trial_do_not_count(tmp_path):
    out = tmp_path / "out"
    first = end(out, 1, refit=True, final_seeds=(5,))
    assert find_model(out).path == out / refit_of(first)["model"]
    longer = run_search(Search(experiment(), RATES, "grid", final_seeds=()), out, Budget(2), engine=Inline())
    assert longer.best.number == 2
    assert refit_of(longer) is None
    with pytest.raises(FolderError, match="without a finished model of its best trial, trial 2"):
        find_model(out)
    second = end(out, 2, refit=True, final_seeds=())
    assert find_model(out).path == out / refit_of(second)["model"]
    with pytest.raises(FolderError, match="no run of the best trial was evaluated"):
        write_model_card(out)  # the runs in the folder belong to trial 1
    measured = read_gain(end(out, 2, final_seeds=(5,))).final.experiments[-1]
    assert measured.name == BEST
    assert f"| accuracy | {measured.runs[0].metrics['test_accuracy']:.4f} |" in write_model_card(out).read_text()


def test_a_refit_of_a_trial_that_needs_a_validation_set_is_refused(tmp_path):
    needs_validation = experiment(schedule=Schedule("plateau"))
    results = run_search(Search(needs_validation, RATES, "grid"), tmp_path / "out", Budget(1), engine=Inline())
    with pytest.raises(KerasclfError, match="trial 1: expected a schedule that needs no validation set"):
        prepare_finish(results, Inline(), refit=True)
