"""The same metrics in Weights & Biases, MLflow and TensorBoard."""

import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.studies.study_runner import plan_study, run_planned_study
from kerasclf.studies.tracking import Tracked, make_tracker

# The warnings come from these libraries.
pytestmark = pytest.mark.filterwarnings("ignore")

BASE = Experiment(
    data="shapes",
    split=Split(train_per_class=8, test_per_class=2, validation=0.25),
    augmentation=Augmentation(rescale=1 / 255),
    train=TrainConfig(epochs=2, batch_size=32),
)
STUDY = Study("tracked", "Tracked", "?", {"base": BASE})


def run_tracked(name, out):
    study_plan = plan_study(STUDY, out, engine=Inline(), measure=False)
    with make_tracker(name, study_plan) as tracker:
        folder = run_planned_study(study_plan, Inline(), tracker)
    return folder.run("base", BASE.identity, 0)


@pytest.mark.slow
def test_tensorboard(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = run_tracked("tensorboard", tmp_path / "out")
    events = accumulator.EventAccumulator(str(next((tmp_path / "out" / "tracking" / "tensorboard").iterdir())))
    events.Reload()
    shown = [tensor.step for tensor in events.Tensors("val_accuracy")] or [
        s.step for s in events.Scalars("val_accuracy")
    ]
    assert shown == [1, 2]
    assert "test_accuracy" in {*events.Tags()["scalars"], *events.Tags()["tensors"]}
    assert run.complete


def test_a_second_phase_is_the_same_run(tmp_path):
    pytest.importorskip("tensorboard.summary")
    study_plan = plan_study(STUDY, tmp_path / "out", engine=Inline(), measure=False)
    with make_tracker("tensorboard", study_plan) as tracker:
        tracker.began("base", 4, 2, [])
        first = tracker.tracker.open["base"]
        tracker.began("base", 4, 2, [{"epoch": 1}])
        assert tracker.tracker.open["base"] is first


class Failing:
    """A tracker whose server goes away after the first epoch, and that counts its calls."""

    def __init__(self):
        self.open, self.calls = {"base": 1}, []

    def began(self, *values):
        self.calls.append("began")

    def finished_epoch(self, title, row):
        self.calls.append("finished_epoch")
        raise ConnectionError("no route to host")

    def finished_run(self, title, metrics):
        self.calls.append("finished_run")


def test_a_tracker_that_fails_ends_no_study():
    lines = []
    tracker = Failing()
    tracked = Tracked(tracker, "mlflow", lines.append)
    tracked.began("base", 4, 2, [])
    for epoch in (1, 2):
        tracked.finished_epoch("base", {"epoch": epoch})
    tracked.finished_run("base", {})
    tracked.close()
    assert tracker.calls == ["began", "finished_epoch"]
    assert lines == ["mlflow failed and gets no more metrics; the runs go on. ConnectionError: no route to host"]


def test_a_run_that_another_process_finished_is_not_tracked_here():
    tracker, lines = Failing(), []
    Tracked(tracker, "wandb", lines.append).finished_run("other", {})
    assert (tracker.calls, lines) == ([], [])


def test_mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = run_tracked("mlflow", tmp_path / "out")
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'out' / 'tracking' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("kerasclf-tracked")
    (found,) = client.search_runs([experiment.experiment_id])
    assert found.info.status == "FINISHED"
    assert found.data.metrics["test_accuracy"] == pytest.approx(run.metrics()["test_accuracy"])
    assert found.data.params["train.optimizer"] == "adam"
    kept = client.get_metric_history(found.info.run_id, "val_loss")
    assert [m.value for m in kept] == pytest.approx(list(run.history()["val_loss"]))


def test_weights_and_biases_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    run_tracked("wandb", tmp_path / "out")
    (kept,) = (tmp_path / "out" / "tracking" / "wandb").glob("offline-run-*/run-*.wandb")
    assert kept.stat().st_size > 500


def test_a_missing_tracker_is_named_with_its_remedy(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(KerasclfError, match=r"wandb is not installed.*kerasclf\[tracking\]"):
        run_tracked("wandb", tmp_path / "out")
