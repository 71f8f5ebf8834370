"""A run resumes only with the images, the weights and the threads that it started with."""

from dataclasses import fields, replace

import pytest
from PIL import Image

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.errors import FolderError
from kerasclf.runs import inputs
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.execute import execute
from kerasclf.runs.inputs import RunInputs, check_inputs, inputs_of, weights_digest
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_runner import plan_study
from kerasclf.training import devices
from kerasclf.training.listener import SilentTrainingListener
from kerasclf.training.resuming.halting import Halt
from kerasclf.transfer import Transfer


@pytest.fixture
def photos(tmp_path):
    for grey, name in enumerate(("cat", "dog")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("RGB", (16, 16), (100 * grey + i, 0, 0)).save(tmp_path / "photos" / name / f"{i}.png")
    return tmp_path / "photos"


def study_of(photos):
    experiment = Experiment(
        data=f"folder:{photos}",
        model="mlp",
        split=Split(test=0.2, validation=0.25),
        augmentation=Augmentation(rescale=1 / 255),
        train=TrainConfig(epochs=3, batch_size=8),
    )
    return Study("one", "One", "What now?", {"base": experiment})


def job_of(study, out):
    return plan_study(study, out, engine=Inline(), measure=False).jobs[0]


def swap(photos):
    """Exchanges the images of the two classes, whose names and numbers stay."""
    (photos / "cat").rename(photos / "old")
    (photos / "dog").rename(photos / "cat")
    (photos / "old").rename(photos / "dog")


def test_a_run_keeps_the_threads_it_started_with(photos, tmp_path):
    job = job_of(study_of(photos), tmp_path / "out")
    assert inputs_of(replace(job, threads=1)).threads == 1
    assert inputs_of(replace(job, threads=2)).threads == 1


def test_an_interrupted_run_is_not_resumed_with_other_images(photos, tmp_path):
    study = study_of(photos)
    job = job_of(study, tmp_path / "out")
    StudyFolder(tmp_path / "out").claim(study)
    execute(replace(job, halt=Halt(after=1)), SilentTrainingListener())
    assert job.run.epochs_done() == 1
    swap(photos)
    with pytest.raises(FolderError, match=r"started with other images: folder:.* has changed"):
        run_study(study, tmp_path / "out", engine=Inline())
    swap(photos)
    folder = run_study(study, tmp_path / "out", engine=Inline())
    assert len(folder.run("base", study.experiments["base"].identity, 0).history()) == 3


def test_weights_are_known_by_their_content(photos, tmp_path):
    weights = tmp_path / "weights.keras"
    weights.write_bytes(b"first")
    experiment = study_of(photos).experiments["base"].but(transfer=Transfer(weights=str(weights)))
    first = weights_digest(experiment)
    assert weights_digest(experiment) == first
    job = job_of(study_of(photos), tmp_path / "out")
    job = replace(job, experiment=experiment)
    assert inputs_of(job).weights == first
    weights.write_bytes(b"second")
    with pytest.raises(FolderError, match=r"started with other weights: .*weights\.keras has changed"):
        check_inputs(job.run, experiment, RunInputs(job.manifest, weights_digest(experiment)))


def test_weights_that_come_from_no_file_have_no_digest():
    assert weights_digest(Experiment()) is None
    assert weights_digest(Experiment(transfer=Transfer(weights="none"))) is None


def test_a_finished_run_is_not_joined_by_runs_with_other_weights(photos, tmp_path):
    study = study_of(photos)
    folder = run_study(study, tmp_path / "out", engine=Inline())
    run = folder.run("base", study.experiments["base"].identity, 0)
    assert run.description()["weights"] is None
    swap(photos)
    with pytest.raises(FolderError, match="used other images"):
        run_study(replace(study, seeds=(0, 1)), tmp_path / "out", engine=Inline())


@pytest.fixture
def started(photos, tmp_path, monkeypatch):
    """A run that was started with certain versions, on a certain device."""
    monkeypatch.setattr(inputs, "package_versions", lambda: {"keras": "3.14.0", "tensorflow": "2.20.0"})
    monkeypatch.setattr(devices, "processor_name", lambda: "old CPU")
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")
    job = job_of(study_of(photos), tmp_path / "out")
    inputs_of(job)
    return job


def test_an_interrupted_run_is_not_resumed_with_other_versions(started, monkeypatch):
    monkeypatch.setattr(inputs, "package_versions", lambda: {"keras": "3.15.1", "tensorflow": "2.20.0"})
    with pytest.raises(FolderError) as caught:
        inputs_of(started)
    assert str(caught.value) == (
        f"{started.run.partial} holds a run that was started with other versions: keras 3.14.0, now 3.15.1. Restore "
        f"them, remove {started.run.partial} to start the run again, or give another folder as `out`."
    )


def test_all_that_differs_is_named_at_once(started, monkeypatch):
    monkeypatch.setattr(inputs, "package_versions", lambda: {"keras": "3.15.1", "tensorflow": "2.21.0"})
    monkeypatch.setattr(devices, "resolve_precision", lambda policy: "mixed_bfloat16")
    with pytest.raises(FolderError, match=(
        r"started with other images: folder:\S+ has changed and with another precision: float32, now mixed_bfloat16 "
        r"and with other versions: keras 3\.14\.0, now 3\.15\.1, tensorflow 2\.20\.0, now 2\.21\.0\. Restore them"
    )):  # fmt: skip
        inputs_of(replace(started, manifest="another"))


def test_another_device_is_noted_once(started, monkeypatch):
    assert inputs_of(started).notes == ()
    monkeypatch.setattr(devices, "processor_name", lambda: "new CPU")
    (note,) = inputs_of(started).notes
    assert note.startswith("resumed with another device: new CPU, after old CPU. The last digits")
    assert inputs_of(started).notes == (note,)
    assert inputs_of(started).device == "new CPU"


def test_notes_are_logged_and_written_beside_the_result(started, monkeypatch):
    monkeypatch.setattr(devices, "processor_name", lambda: "new CPU")
    listener, lines = SilentTrainingListener(), []
    monkeypatch.setattr(listener, "log", lines.append, raising=False)
    execute(started, listener)
    assert any(line.startswith("resumed with another device: new CPU") for line in lines)
    (note,) = started.run.environment()["resumed"]
    assert note.startswith("resumed with another device: new CPU")


def test_the_engine_of_frozen_activations_is_recorded(photos, tmp_path):
    job = job_of(study_of(photos), tmp_path / "out")
    assert inputs_of(job).engine is None
    transfer = Transfer(weights="none", engine="tensorflow")
    frozen = replace(job, experiment=job.experiment.but(transfer=transfer), path=tmp_path / "frozen")
    assert inputs_of(frozen).engine.startswith("tensorflow 2.")


@pytest.mark.parametrize("content", ["", "[]", "null", '{"manifest": 1, "notes": 3}', '{"threads": 1}', "\udcff"])
def test_damaged_inputs_are_named(started, content):
    path = started.run.partial / "inputs.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(FolderError, match=r"(?s)inputs\.json cannot be read:.* Remove \S+ to start the run again"):
        inputs_of(started)


def test_a_finished_run_of_other_versions_is_kept_and_named(photos, tmp_path, monkeypatch):
    study = study_of(photos)
    run_study(study, tmp_path / "out", engine=Inline())
    now = inputs.package_versions()
    monkeypatch.setattr(inputs, "package_versions", lambda: {**now, "keras": "99.0"})
    lines = []
    assert plan_study(study, tmp_path / "out", engine=Inline(), measure=False, log=lines.append).jobs == ()
    assert f"base was finished with keras {now['keras']}, now 99.0; it is kept" in lines


def test_every_input_has_a_rule():
    named = {one.name for one in inputs.DEPENDENCIES}
    assert named == {field.name for field in fields(RunInputs)} - {"notes"}
