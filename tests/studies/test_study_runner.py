"""A study from images to run folders."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.cli import main
from kerasclf.errors import DataError, FolderError, KerasclfError, RunsFailedError
from kerasclf.report import read_results
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.metrics import accuracy, cross_entropy
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_runner import plan_study

SMALL = Split(train_per_class=10, test_per_class=4, validation=0.3)
NORMALISED = Augmentation(featurewise_center=True, featurewise_std_normalization=True, horizontal_flip=True)


def small_study(**changes):
    base = Experiment(data="shapes", model="mlp", model_args={"hidden": (16,)}, split=SMALL,
                      augmentation=NORMALISED, train=TrainConfig(epochs=2, batch_size=64))  # fmt: skip
    deeper = base.but(model="basenet", model_args={})
    return Study("small", "Small", "Why?", {"base": base, "deeper": deeper}, **changes)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("studies") / "small"
    return run_study(small_study(seeds=(0, 1)), out, engine=Inline())


def run_of(folder, name="base", seed=0):
    return folder.run(name, small_study().experiments[name].identity, seed)


def test_a_run_folder_says_everything(folder):
    names = {path.name for path in run_of(folder).path.iterdir()}
    assert names == {"experiment.json", "history.csv", "metrics.json", "predictions.csv", "model.keras",
                     "classes.json", "environment.json", "examples.npz", "validation_predictions.csv"}  # fmt: skip
    description = json.loads((run_of(folder).path / "experiment.json").read_text())
    assert json.loads((run_of(folder).path / "classes.json").read_text()) == description["class_names"]
    assert description["files"].keys() == names - {"experiment.json"}
    assert Experiment.from_dict(description["experiment"]) == small_study().experiments["base"]
    assert description["seed"] == 0
    manifest = next(folder.path.glob("data-*.json"))
    assert json.loads(manifest.read_text())["hash"] == description["data"]["manifest"]


def test_metrics_are_those_of_the_predictions(folder):
    labels, probabilities = run_of(folder).predictions()
    metrics = run_of(folder).metrics()
    assert len(labels) == 100
    assert metrics["test_accuracy"] == pytest.approx((probabilities.argmax(axis=1) == labels).mean())
    history = run_of(folder).history()
    assert list(history["epoch"]) == [1, 2]
    assert metrics["validation_accuracy"] == pytest.approx(history["val_accuracy"].iloc[-1])
    labels, probabilities = run_of(folder).validation_predictions()
    assert metrics["validation_accuracy"] == pytest.approx(accuracy(labels, probabilities))
    assert metrics["validation_loss"] == pytest.approx(cross_entropy(labels, probabilities), rel=1e-4)


def predicted(folder):
    """Returns the test set, and the probabilities that a run wrote for it."""
    from kerasclf.data import load_dataset

    test = load_dataset("shapes", split=SMALL).test
    table = pd.read_csv(run_of(folder, "deeper").path / "predictions.csv")
    assert list(table["image"].astype(str)) == list(test.names)
    return test, table.filter(like="p_").to_numpy()


def test_a_saved_model_agrees_with_the_predictions(folder):
    import keras

    test, written = predicted(folder)
    model = keras.models.load_model(run_of(folder, "deeper").path / "model.keras", safe_mode=True)
    images = test.images.read(np.arange(len(test)))
    assert images.dtype == np.uint8
    np.testing.assert_allclose(model(images), written, atol=1e-5)
    layers = [part for layer in model.layers for part in (layer, *getattr(layer, "layers", ()))]
    assert {layer.__module__.partition(".")[0] for layer in layers} == {"keras"}


# tests/networks/test_model_file.py has a fast test of another saved model.
@pytest.mark.slow
def test_a_saved_model_needs_keras_alone(folder, tmp_path):
    """In a fresh process that cannot import kerasclf."""
    test, written = predicted(folder)
    np.save(tmp_path / "images.npy", test.images.read(np.arange(len(test))))
    code = f"""
import sys
sys.modules["kerasclf"] = None
import keras, numpy
model = keras.models.load_model({str(run_of(folder, "deeper").path / "model.keras")!r}, safe_mode=True)
images = numpy.load({str(tmp_path / "images.npy")!r})
assert images.dtype == numpy.uint8
numpy.save({str(tmp_path / "out.npy")!r}, model.predict(images, verbose=0))
one = model.predict(images[:1], verbose=0)
assert one.shape == (1, 25)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), written, atol=1e-5)


def test_finished_runs_are_not_repeated(folder):
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*/seed-*/*")}
    assert plan_study(small_study(seeds=(0, 1)), folder.path, engine=Inline()).jobs == ()
    run_study(small_study(seeds=(0,)), folder.path, engine=Inline())
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*/seed-*/*")} == before
    assert folder.read()["seeds"] == [0, 1]


def test_runs_copied_from_another_machine_belong_to_the_study(folder, tmp_path):
    here = StudyFolder(tmp_path / "here")
    here.claim(small_study(seeds=(0,)))
    shutil.copytree(folder.path / "runs", here.path / "runs")
    shutil.rmtree(run_of(here, seed=1).path)
    planned = plan_study(small_study(seeds=(0, 1)), here.path, engine=Inline(), measure=False)
    assert planned.finished == ("base seed 0", "deeper seed 0", "deeper seed 1")
    assert [job.title for job in planned.jobs] == ["base seed 1"]


def test_repeats_share_the_split_and_differ_in_the_seed(folder):
    one, other = run_of(folder), run_of(folder, seed=1)
    read = lambda run: json.loads((run.path / "experiment.json").read_text())  # noqa: E731
    assert read(one)["data"] == read(other)["data"]
    assert one.history()["loss"].iloc[0] != other.history()["loss"].iloc[0]


def test_the_same_run_elsewhere_gives_the_same_predictions(folder, tmp_path):
    again = run_study(small_study(), tmp_path / "again", only=("deeper",), engine=Inline())
    assert (run_of(again, "deeper").path / "predictions.csv").read_bytes() == (
        run_of(folder, "deeper").path / "predictions.csv"
    ).read_bytes()
    assert not run_of(again, "base").complete


@pytest.mark.slow
def test_experiments_of_one_architecture_start_alike(tmp_path):
    """At a rate of nearly nothing, two experiments that differ in augmentation end with the same weights."""
    import keras

    still = TrainConfig(epochs=1, batch_size=64, optimizer="sgd", learning_rate=1e-30)
    base = Experiment(data="shapes", split=SMALL, augmentation=Augmentation(rescale=1 / 255), train=still)
    flipped = base.but(augmentation=base.augmentation.but(horizontal_flip=True, zoom_range=0.2))
    study = Study("still", "Still", "Why?", {"base": base, "flipped": flipped})
    folder = run_study(study, tmp_path / "out", engine=Inline())
    weights = [
        keras.models.load_model(folder.run(name, e.identity, 0).path / "model.keras").get_weights()
        for name, e in study.experiments.items()
    ]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-20)


@pytest.mark.slow
def test_a_second_call_adds_to_the_first(tmp_path):
    study = small_study()
    base, deeper = study.experiments.values()
    run_study(Study("mine", "M", "Why?", {"base": base}), tmp_path / "out", engine=Inline())
    folder = run_study(Study("mine", "M", "Why?", {"deeper": deeper}, seeds=(4,)), tmp_path / "out", engine=Inline())
    held = folder.read()
    assert list(held["experiments"]) == ["base", "deeper"]
    assert held["seeds"] == [0, 4]


def test_finished_runs_on_other_images_are_not_mixed_with_new_ones(tmp_path):
    from PIL import Image

    for name, level in (("a", 50), ("b", 200)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(12):
            Image.new("RGB", (16, 16), (level, i, 0)).save(tmp_path / "images" / name / f"{i}.png")
    experiment = Experiment(
        data=f"folder:{tmp_path / 'images'}", model="mlp", augmentation=Augmentation(rescale=1 / 255),
        train=TrainConfig(epochs=1), split=Split(validation=0.2, test=0.2),
    )  # fmt: skip
    study = Study("mine", "M", "Why?", {"base": experiment})
    run_study(study, tmp_path / "out", engine=Inline())
    Image.new("RGB", (16, 16)).save(tmp_path / "images" / "a" / "new.png")
    with pytest.raises(
        FolderError, match=r"used other images: folder:.* has changed since\. Give another folder as `out`"
    ):
        run_study(study, tmp_path / "out", engine=Inline())


@pytest.fixture
def thesis(tmp_path):
    """A folder with a file that no study may touch."""
    (tmp_path / "thesis.tex").write_text("precious")
    yield tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_error_of_the_library_names_arguments(thesis):
    with pytest.raises(FolderError) as caught:
        run_study(small_study(), thesis, engine=Inline())
    assert str(caught.value) == f"{thesis} is not empty and holds no study. Give a new folder as `out`."


def test_the_same_error_of_the_command_names_flags(thesis, capsys):
    with pytest.raises(SystemExit):
        main(["study", "basenet", "--data", "shapes", "--quick", "--engine", "inline", "--out", str(thesis)])
    error = capsys.readouterr().err
    assert error == f"error: {thesis} is not empty and holds no study. Give a new folder as --out.\n"


def test_bad_input_leaves_no_folder(tmp_path):
    base = small_study().experiments["deeper"]
    for bad, error in (
        (base.but(model_args={"dropuot": 0.5}), KerasclfError),
        (base.but(data="folder:/nowhere"), DataError),
        (base.but(image_size=(8, 8)), KerasclfError),
        (base.but(model_args={"classifier_activation": None}), KerasclfError),
        (base.but(augmentation=Augmentation(preprocessing_function="no:where")), KerasclfError),
    ):
        with pytest.raises(error):
            run_study(Study("small", "Small", "Why?", {"bad": bad}), tmp_path / "out", engine=Inline())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_failed_run_leaves_the_others_and_is_tried_again_on_request(tmp_path):
    base = small_study().experiments["base"]
    wild = base.but(augmentation=Augmentation(), train=base.train.but(optimizer="sgd", learning_rate=1e38))
    study = Study("wild", "Wild", "Why?", {"wild": wild, "base": base})
    with pytest.raises(RunsFailedError, match="The loss is nan"):
        run_study(study, tmp_path / "out", engine=Inline())
    run = StudyFolder(tmp_path / "out").run("base", base.identity, 0)
    assert run.complete
    assert not run.partial.exists()
    study_plan = plan_study(study, tmp_path / "out", engine=Inline())
    assert study_plan.jobs == ()
    assert "The loss is nan" in study_plan.failed["wild"]
    with pytest.raises(RunsFailedError, match=r"failed earlier; set `retry` to try again\)"):
        run_study(study, tmp_path / "out", engine=Inline())
    assert [job.title for job in plan_study(study, tmp_path / "out", engine=Inline(), retry=True).jobs] == ["wild"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda run: (run / "metrics.json").write_text("{}"), "metrics.json was changed after the end of the run"),
        (lambda run: (run / "history.csv").unlink(), "history.csv is missing"),
        (lambda run: (run / "experiment.json").write_text("{"), "experiment.json cannot be read"),
        (lambda run: _edit_seed(run), "describes another experiment or seed"),
    ],
)
def test_a_run_folder_edited_by_hand_is_named(folder, tmp_path, damage, message):
    shutil.copytree(folder.path, tmp_path / "copy")
    damage(run_of(StudyFolder(tmp_path / "copy")).path)
    with pytest.raises(FolderError, match=message):
        run_study(small_study(), tmp_path / "copy", engine=Inline())


def test_results_copied_without_their_model_count_as_finished(folder, tmp_path):
    shutil.copytree(folder.path, tmp_path / "copy", ignore=shutil.ignore_patterns("model.keras"))
    copy = StudyFolder(tmp_path / "copy")
    before = sorted(copy.path.rglob("*"))
    assert plan_study(small_study(), copy.path, engine=Inline()).jobs == ()
    runs = read_results(copy.path).experiments[0].runs
    assert [run.metrics for run in runs] == [run.metrics for run in read_results(folder.path).experiments[0].runs]
    assert sorted(copy.path.rglob("*")) == before
    (run_of(copy).path / "model.keras").write_text("another model")
    with pytest.raises(FolderError, match=r"model\.keras was changed after the end of the run"):
        read_results(copy.path)


def _edit_seed(run):
    description = json.loads((run / "experiment.json").read_text())
    (run / "experiment.json").write_text(json.dumps({**description, "seed": 7}))


def test_a_changed_experiment_does_not_replace_a_finished_one(tmp_path):
    base = Experiment(data="digits", model="mlp", split=Split(train_per_class=10, test_per_class=5),
                      augmentation=Augmentation(rescale=1 / 255), train=TrainConfig(epochs=1))  # fmt: skip
    study = Study("mine", "Mine", "Why?", {"base": base})
    run_study(study, tmp_path / "out", engine=Inline())
    before = (tmp_path / "out" / "study.json").read_bytes()
    other = replace(study, experiments={"base": base.but(train=base.train.but(batch_size=8))})
    with pytest.raises(FolderError, match=r"finished runs of base with train\.batch_size 32, not 8"):
        run_study(other, tmp_path / "out", engine=Inline())
    assert (tmp_path / "out" / "study.json").read_bytes() == before
