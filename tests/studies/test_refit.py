"""The final model: the best recipe of a study, trained on all images."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.errors import FolderError, KerasclfError, RunsFailedError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.progress import SilentRunListener
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies.refit import Refit, check_refit, read_refit, refit, without_early_stopping
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.studies.study_runner import plan_study
from kerasclf.training import EarlyStopping, Schedule

BASE = Experiment(
    data="digits",
    model="mlp",
    augmentation=Augmentation(rescale=1 / 255),
    split=Split(train_per_class=10, test_per_class=5),
    train=TrainConfig(epochs=3, learning_rate=0.01),
)
STOPPED = BASE.but(train=TrainConfig(epochs=3, learning_rate=1.0, early_stopping=EarlyStopping(patience=1)))
STUDY = Study("small", "Small", "Why?", {"plain": BASE}, seeds=(0, 1))


class Interrupted(SilentRunListener):
    """Stops the process's run after its first epoch, as Ctrl-C does."""

    def finished_epoch(self, title, row):
        raise KeyboardInterrupt


class NoEngine(Inline):
    def run(self, jobs, plan, listener, watch=lambda: None):
        raise AssertionError("nothing is left to train")


class FailingEngine(Inline):
    def run(self, jobs, plan, listener, watch=lambda: None):
        return {job.title: "no memory" for job in jobs}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The plan of a study whose runs are finished."""
    out = tmp_path_factory.mktemp("refit") / "study"
    run_study(STUDY, out, engine=Inline())
    return plan_study(STUDY, out, engine=Inline(), measure=False)


@pytest.fixture(scope="module")
def final(finished):
    return refit(finished, Inline(), SilentRunListener())


def weights_of(folder: Path, final: Refit):
    return keras.models.load_model(folder / final.model).get_weights()


def test_the_model_has_trained_on_all_images_and_has_the_accuracy_of_its_recipe(finished, final):
    accuracies = [finished.folder.run("plain", BASE.identity, seed).metrics()["test_accuracy"] for seed in (0, 1)]
    assert (final.experiment, final.runs, final.images, final.epochs) == ("plain", 2, 150, 3)
    assert final.accuracy == pytest.approx(np.mean(accuracies))
    assert final.spread == pytest.approx(np.std(accuracies, ddof=1))
    described = read_json(finished.folder.path / "refit.json")
    assert described["description"] == final.sentence
    assert read_refit(finished.folder) == final


def test_its_folder_has_no_accuracy_on_images_that_it_has_seen(finished, final):
    run = RunFolder((finished.folder.path / final.model).parent)
    assert not [name for name in run.metrics() if name.endswith(("_accuracy", "_loss"))]
    assert not [name for name in run.history() if name.startswith("val_")]
    description = run.description()
    assert description["data"]["images"] == {"train": 150, "validation": 0, "test": 0}
    assert description["view"]["everything"] is True
    assert sorted(path.name for path in run.path.iterdir()) == [
        "classes.json", "environment.json", "experiment.json", "history.csv", "metrics.json", "model.keras",
    ]  # fmt: skip


def test_an_interrupted_refit_goes_on_bit_for_bit_and_a_finished_one_is_not_repeated(tmp_path, finished, final):
    out = tmp_path / "study"
    shutil.copytree(finished.folder.path, out, ignore=shutil.ignore_patterns("refit*"))
    again = plan_study(STUDY, out, engine=Inline(), measure=False)
    with pytest.raises(KeyboardInterrupt):
        refit(again, Inline(), Interrupted())
    assert read_refit(again.folder) is None
    assert refit(again, Inline(), SilentRunListener()) == final
    for one, other in zip(weights_of(out, final), weights_of(finished.folder.path, final), strict=True):
        assert np.array_equal(one, other)
    assert refit(again, NoEngine(), SilentRunListener()) == final
    model = out / final.model
    model.write_bytes(model.read_bytes() + b"x")
    with pytest.raises(FolderError, match=r"model.keras was changed after the end of the run"):
        refit(again, NoEngine(), SilentRunListener())


def with_metrics(tmp_path, **metrics):
    """A plan whose runs hold nothing but these validation accuracies, test accuracies and best epochs."""
    folder = StudyFolder(tmp_path)
    study = Study("small", "Small", "Why?", {"plain": BASE, "stopped": STOPPED}, seeds=(0,))
    for name, values in metrics.items():
        named = dict(zip(("validation_accuracy", "test_accuracy", "best_epoch"), values, strict=True))
        write_json(folder.run(name, study.experiments[name].identity, 0).path / "metrics.json", named)
    plan = plan_study(study, tmp_path / "elsewhere", engine=Inline(), measure=False).plan
    return StudyPlan(study, folder, plan, (), (), {}, 1)


def test_the_test_set_chooses_nothing_and_early_stopping_becomes_a_number_of_epochs(tmp_path):
    planned = with_metrics(tmp_path, plain=(0.5, 0.9, 3), stopped=(0.6, 0.2, 2))
    final = refit(planned, Inline(), SilentRunListener())
    assert (final.experiment, final.accuracy, final.spread) == ("stopped", 0.2, None)
    assert final.epochs == 2
    assert final.sentence == (
        "Its test accuracy is that of the recipe: 0.20 (n = 1), measured on images that the runs did not see."
    )


def test_a_failure_is_raised_and_leaves_no_description(tmp_path):
    planned = with_metrics(tmp_path, plain=(0.9, 0.9, 3), stopped=(0.6, 0.2, 2))
    with pytest.raises(RunsFailedError, match="plain on all images: no memory"):
        refit(planned, FailingEngine(), SilentRunListener())
    assert read_refit(planned.folder) is None


def test_the_sentence_gives_the_spread_of_several_runs():
    final = Refit("a_head", "refit/model.keras", 120, 20, 3, 0.871, 0.0213)
    assert final.sentence.startswith("Its test accuracy is that of the recipe: 0.87 ± 0.02 (n = 3), measured on images")


def test_the_mean_best_epoch_excludes_the_earlier_phases():
    head = TrainConfig(epochs=5)
    recipe = STOPPED.but(earlier_phases=(head,), train=STOPPED.train.but(epochs=20, schedule=Schedule("cosine")))
    fixed = without_early_stopping(recipe, [9, 12])
    assert fixed.train == recipe.train.but(early_stopping=None, epochs=5)
    assert fixed.earlier_phases == (head,)
    assert without_early_stopping(BASE, [1]) is BASE


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"train": BASE.train.but(schedule=Schedule("plateau"))},
            "plain: expected a schedule that needs no validation",
        ),
        ({"earlier_phases": (STOPPED.train,)}, "plain: expected no early stopping in earlier phases"),
    ],
)
def test_a_recipe_that_needs_a_validation_set_is_refused(changes, message):
    with pytest.raises(KerasclfError, match=message):
        check_refit("plain", BASE.but(**changes))


@pytest.mark.parametrize("content", ["[]", "{", '{"experiment": 3}', '{"experiment": "a"}'])
def test_a_description_that_cannot_be_read_is_refused(tmp_path, content):
    (tmp_path / "refit.json").write_text(content)
    with pytest.raises(FolderError, match=r"refit.json cannot be read"):
        read_refit(StudyFolder(tmp_path))
