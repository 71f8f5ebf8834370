"""One run: its threads, its images, its environment, and what a halt leaves."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig
from kerasclf.data.leaks import leaked_test_images
from kerasclf.errors import FolderError
from kerasclf.report import read_results
from kerasclf.runs import execute as execute_module
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.execute import execute
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_runner import plan_study
from kerasclf.training import EarlyStopping
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.resuming.halting import Halt

BASE = Experiment(
    data="digits",
    model="mlp",
    split=Split(train_per_class=20, test_per_class=5, validation=0.25),
    augmentation=Augmentation(rescale=1 / 255),
    train=TrainConfig(epochs=3, batch_size=32),
)


@pytest.fixture
def job(tmp_path):
    study = Study("one", "One", "What now?", {"base": BASE})
    return plan_study(study, tmp_path / "out", engine=Inline(), measure=False).jobs[0]


def test_changed_images_are_refused(job):
    with pytest.raises(FolderError, match="The images of digits have changed since the study was started"):
        execute(replace(job, manifest="0" * 64), SilentTrainingListener())


def test_the_folder_of_a_run_has_its_environment_and_its_profile(job):
    metrics = execute(replace(job, profile=True), SilentTrainingListener())
    assert metrics == job.run.metrics()
    assert job.run.description()["data"]["known_as"] == "digits"
    environment = json.loads((job.run.path / "environment.json").read_text())
    assert environment["threads"] is None
    assert environment["strategy"] == "one device (auto: there is no GPU)"
    assert environment["deterministic_ops"] is False
    assert 0 <= metrics["waiting_share"] <= 1
    assert list(job.run.profile.rglob("*.xplane.pb")), "the third call is profiled"
    assert metrics["peak_memory_mb"] > 100
    assert [path.name for path in job.run.path.parent.iterdir()] == ["seed-0"]


def test_a_run_says_which_test_images_leak_and_how_the_statistics_change(tmp_path):
    featurewise = Augmentation(featurewise_center=True)
    flawed = BASE.but(
        augmentation=featurewise, flaws=("choose_on_half", "statistics_of_all"),
        train=TrainConfig(epochs=3, batch_size=32, early_stopping=EarlyStopping(monitor="val_accuracy", patience=3)),
    )  # fmt: skip
    study = Study("one", "One", "What now?", {"flawed": flawed})
    folder = StudyFolder(tmp_path / "out")
    folder.claim(study)
    job = plan_study(study, folder.path, engine=Inline(), measure=False).jobs[0]
    metrics = execute(job, SilentTrainingListener())
    assert 0 < metrics["mean_shift"] < 20
    assert 0 < metrics["deviation_shift"] < 20
    run = read_results(folder.path).first_run
    np.testing.assert_array_equal(run.leaked, leaked_test_images(run.labels, flawed.flaws, seed=0))
    assert np.bincount(run.labels[run.leaked]).tolist() == [2] * 10
    # The epoch is chosen on the leaked half alone: its accuracy is the highest of the history.
    highest = run.history["val_accuracy"].max()
    assert run.correct[run.leaked].mean() == pytest.approx(highest) == pytest.approx(metrics["validation_accuracy"])


def test_a_run_that_another_process_completed_meanwhile_is_not_trained_again(job, tmp_path, monkeypatch):
    metrics = execute(job, SilentTrainingListener())
    other = job.run.path.rename(tmp_path / "other")

    @contextlib.contextmanager
    def hold(path, timeout):
        path.mkdir(parents=True, exist_ok=True)
        other.rename(job.run.path)  # by the process that had the lock until now
        yield

    monkeypatch.setattr(execute_module, "hold", hold)
    monkeypatch.setattr(execute_module, "_train", lambda *values: pytest.fail("it was trained"))
    assert execute(job, SilentTrainingListener()) == metrics
    assert not job.run.partial.exists()


class Log(SilentTrainingListener):
    def __init__(self):
        self.lines = []

    def log(self, line):
        self.lines.append(line)


def test_a_halted_run_stays_incomplete_and_can_be_resumed(job):
    log = Log()
    metrics = execute(replace(job, halt=Halt(after=2)), log)
    assert (metrics["halted"], metrics["epochs"], metrics["best_epoch"]) == (1.0, 2, 2)
    assert log.lines[-1].startswith("stopped early after epoch 2")
    assert not job.run.complete
    assert job.run.epochs_done() == 2
    assert execute(job, SilentTrainingListener())["epochs"] == 3


def test_a_halted_run_has_the_best_epoch_of_its_last_phase(tmp_path):
    last = TrainConfig(epochs=3, batch_size=32, early_stopping=EarlyStopping(monitor="val_loss", patience=3))
    phased = BASE.but(earlier_phases=(TrainConfig(epochs=2, batch_size=32),), train=last)
    study = Study("one", "One", "What now?", {"phased": phased})
    job = plan_study(study, tmp_path / "out", engine=Inline(), measure=False).jobs[0]
    metrics = execute(replace(job, halt=Halt(after=3)), SilentTrainingListener())
    assert (metrics["halted"], metrics["epochs"], metrics["best_epoch"]) == (1.0, 3, 3)
