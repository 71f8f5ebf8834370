"""Live curves in the run folders of a study."""

from kerasclf import Experiment, Split, Study, TrainConfig
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.studies import live_runs as live
from kerasclf.studies.live_runs import LiveRuns
from kerasclf.studies.study_runner import plan_study, run_planned_study

ROW = {"epoch": 1, "loss": 2.0, "accuracy": 0.25, "val_loss": 2.1, "val_accuracy": 0.2, "images_per_second": 1234.0}


class Watching(LiveRuns):
    """Records where the picture is after each epoch."""

    def __init__(self, jobs):
        super().__init__(jobs)
        self.folders = []

    def finished_epoch(self, title, row):
        super().finished_epoch(title, row)
        self.folders += [
            path.parent.name for job in self.jobs.values() for path in job.path.parent.glob("*/curves.png")
        ]


def test_the_picture_grows_with_the_run_and_stays_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    base = Experiment(data="iris", model="mlp", split=Split(validation=0.25), train=TrainConfig(epochs=2))
    study = Study("small", "Small", "Why?", {"one": base})
    study_plan = plan_study(study, tmp_path / "out", engine=Inline(), measure=False)
    watching = Watching(study_plan.jobs)
    run_planned_study(study_plan, Inline(), watching)
    assert watching.folders == ["seed-0.partial"] * 2
    (run,) = (tmp_path / "out" / "runs").glob("one-*")
    assert [path.name for path in run.iterdir()] == ["seed-0"]
    assert (run / "seed-0" / "curves.png").stat().st_size > 1000
    # The picture is no file of the run: the run still passes its check.
    assert plan_study(study, tmp_path / "out", engine=Inline(), measure=False).finished == ("one",)


def test_a_picture_that_came_too_late_leaves_no_folder(tmp_path):
    base = Experiment(data="iris", model="mlp")
    study_plan = plan_study(Study("s", "S", "Why?", {"one": base}), tmp_path / "out", engine=Inline(), measure=False)
    run, listener = study_plan.jobs[0].run, LiveRuns(study_plan.jobs)
    listener.began("one", 2, 1, [ROW])
    run.partial.mkdir(parents=True)
    (run.partial / "curves.png").write_bytes(b"late")
    run.path.mkdir()
    listener.finished_run("one", {})
    assert (run.path / "curves.png").exists()
    assert not run.partial.exists()


def test_a_picture_that_cannot_be_written_ends_no_study(tmp_path, monkeypatch):
    base = Experiment(data="iris", model="mlp")
    study_plan = plan_study(Study("s", "S", "Why?", {"one": base}), tmp_path / "out", engine=Inline(), measure=False)
    listener, tried = LiveRuns(study_plan.jobs), []

    def full(path, raw):
        tried.append(path)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(live, "write_bytes", full)
    monkeypatch.setattr(live, "EVERY_S", 0.0)
    partial = study_plan.jobs[0].run.partial
    partial.mkdir(parents=True)
    listener.began("one", 2, 1, [])
    listener.finished_epoch("one", ROW)
    listener.finished_run("one", {})
    assert tried == [partial / "curves.png"] * 2  # The failed epoch does not end the attempts.


def test_without_jobs_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    listener = LiveRuns()
    listener.began("one", 2, 1, [])
    listener.finished_epoch("one", ROW)
    listener.failed_run("one", "no reason")
    listener.finished_run("other", {})
    assert list(tmp_path.iterdir()) == []
