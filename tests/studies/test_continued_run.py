"""A finished run that goes on with new images."""

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, TrainConfig, run_study
from kerasclf.data.dataset import SETS
from kerasclf.errors import DataError, FolderError, KerasclfError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.run_folder import DESCRIPTION
from kerasclf.studies.continued_run import continued_experiment, find_run
from kerasclf.studies.training_study import training_study
from kerasclf.training import EarlyStopping
from kerasclf.transfer import Transfer
from tests.photos import add_images


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 3 classes with 20 images each."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    add_images(folder, 20)
    return folder


@pytest.fixture(scope="module")
def finished(photos, tmp_path_factory):
    """The folder of a training with one run on these images, to which 20 images per class are added afterwards."""
    out = tmp_path_factory.mktemp("out") / "first"
    experiment = Experiment(
        data=f"folder:{photos}",
        model="mlp",
        split=Split(train_per_class=15),
        augmentation=Augmentation(rescale=1 / 255),
        train=TrainConfig(epochs=2, learning_rate=0.001),
    )
    run_study(training_study([experiment]), out, engine=Inline())
    add_images(photos, 20, first=20)
    return out


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of this training, to be changed."""
    return shutil.copytree(finished, tmp_path / "copy")


def describe_otherwise(run, **changes):
    """Rewrites the description of a run with other contents."""
    path = run.path / DESCRIPTION
    write_json(path, {**read_json(path), **changes})


def test_a_training_with_one_run_and_its_run_folder_are_the_same_run(finished):
    run = find_run(finished)
    assert find_run(run.path) == run
    assert run.path == next(finished.glob("runs/mlp_all-*/seed-0"))


def test_a_folder_without_a_run_and_one_with_several_are_refused(copied, tmp_path):
    with pytest.raises(FolderError, match=r"continue_run: expected the folder of a run. Received: .*, which does not"):
        find_run(tmp_path / "nothing")
    with pytest.raises(FolderError, match=r"expected the folder of a finished run. Received: .*, which has none"):
        find_run(tmp_path)
    seed = find_run(copied).path
    assert find_run(seed.parent).path == seed
    shutil.copytree(seed, seed.with_name("seed-1"))
    with pytest.raises(FolderError, match=r"copy has 2. Give one of them:\n  - .*/seed-0\n  - .*/seed-1$"):
        find_run(copied)


def test_the_recipe_is_that_of_the_last_phase_and_the_head_is_kept(finished):
    run = find_run(finished)
    earlier = Experiment.from_dict(run.description()["experiment"])
    experiment = continued_experiment(run, "folder:other")
    assert experiment.data == "folder:other"
    assert continued_experiment(run).data == earlier.data
    assert experiment.train == earlier.train
    assert experiment.transfer == Transfer(weights=str(run.path / "model.keras"), head="kept", batch_norm="trained")
    manifest = next(finished.glob("data-*.json"))
    assert experiment.split == Split(earlier=str(manifest))  # the limits were those of the earlier training


def test_a_moved_project_gives_the_same_experiment(finished, tmp_path, monkeypatch):
    given = []
    for place in ("one", "other"):
        shutil.copytree(finished, tmp_path / place / "runs" / "first")
        monkeypatch.chdir(tmp_path / place)
        for path in (Path("runs/first"), tmp_path / place / "runs" / "first"):
            given.append(continued_experiment(find_run(path)))
    assert len(set(given)) == 1
    assert given[0].transfer.weights.startswith("runs/first/runs/mlp_all-")
    assert given[0].split.earlier.startswith("runs/first/data-")


def test_a_model_of_all_images_is_refused_by_its_folder(copied):
    run = find_run(copied)
    refit = copied / "refit" / run.path.parent.name / "seed-0"
    shutil.copytree(run.path, refit)
    describe_otherwise(find_run(copied / "refit"), view={"everything": True})
    with pytest.raises(KerasclfError, match="cannot be continued: it has trained on all images"):
        continued_experiment(find_run(copied / "refit"))


def test_the_model_starts_as_the_earlier_one_and_both_are_measured_on_the_same_images(finished, tmp_path):
    run = find_run(finished)
    experiment = continued_experiment(run)
    study = training_study([experiment])
    assert study.title.endswith("photos, continued")
    assert study.question == "How well does mlp classify these images if the whole network is trained further?"
    again = run_study(study, tmp_path / "second", engine=Inline()).run("mlp_all", experiment.identity, 0)
    dataset = experiment.dataset(lambda line: None)
    images = dataset.test.images.read(np.arange(len(dataset.test)))
    expected = keras.models.load_model(run.path / "model.keras").predict(images, verbose=0)
    assert again.earlier_probabilities() == pytest.approx(expected, abs=1e-5)
    correct = again.earlier_probabilities().argmax(axis=1) == dataset.test.labels
    assert again.metrics()["earlier_test_accuracy"] == correct.mean()
    described = again.description()["data"]
    assert described["images"] == {name: len(dataset.subset(name)) for name in SETS}
    assert sum(described["new_images"].values()) == 3 * (20 + 20) - 45 - 12
    assert described["images"]["test"] - described["new_images"]["test"] == 12
    # The first epoch of the continued training begins below the last loss of the earlier one.
    assert again.history()["loss"][0] < run.history()["loss"].iloc[-1] * 1.05


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"view": {"everything": True}}, "it has trained on all images, so none is left to test on"),
        ({"view": {"reports_on": "validation"}}, "it belongs to a search or to a cross-validation"),
        ({"split": Split(fold=(1, 5))}, "it belongs to a search or to a cross-validation"),
        ({"flaws": ("duplicates",)}, "it has the flaws duplicates"),
        ({"augmentation": Augmentation(featurewise_center=True)}, "its normalisation has statistics of its training"),
    ],
)
def test_runs_that_cannot_go_on_are_refused(copied, changes, message):
    run = find_run(copied)
    earlier = Experiment.from_dict(run.description()["experiment"])
    settings = {name: value for name, value in changes.items() if name != "view"}
    view = {"view": changes["view"]} if "view" in changes else {}
    describe_otherwise(run, experiment=earlier.but(**settings).to_dict(), **view)
    with pytest.raises(KerasclfError, match=f"seed-0 cannot be continued: {message}"):
        continued_experiment(run)


def test_a_changed_or_incomplete_folder_is_refused(copied):
    run = find_run(copied)
    manifest = next(copied.glob("data-*.json"))
    content = manifest.read_text()
    manifest.write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        continued_experiment(run)
    manifest.unlink()
    with pytest.raises(FolderError, match=r"data-.*\.json is missing. It records the images of the run"):
        continued_experiment(run)
    manifest.write_text(content)
    (run.path / "model.keras").write_bytes(b"")
    with pytest.raises(FolderError, match=r"model.keras was changed after the end of the run"):
        continued_experiment(run)
    (run.path / DESCRIPTION).write_text("[]")
    with pytest.raises(FolderError, match=r"experiment.json cannot be read"):
        continued_experiment(run)


@pytest.mark.slow
def test_another_model_file_is_another_run(finished, copied, tmp_path):
    experiment = continued_experiment(find_run(copied))
    study, out = training_study([experiment]), tmp_path / "out"
    run_study(study, out, engine=Inline())
    model = keras.models.load_model(find_run(copied).path / "model.keras")
    model.set_weights([weight + 1 for weight in model.get_weights()])
    model.save(find_run(copied).path / "model.keras")
    with pytest.raises(FolderError, match="used other weights"):
        run_study(study, out, engine=Inline())


def test_a_kept_head_needs_a_file():
    with pytest.raises(KerasclfError, match=r"expected a file as weights with 'kept'\. Received: 'imagenet'"):
        Transfer(weights="imagenet", head="kept")
    assert "head" not in Transfer().to_dict()


@pytest.mark.parametrize(("unfreeze", "views"), [("all", 0), ("head", 2)])
def test_views_of_earlier_phases_are_left_out(copied, unfreeze, views):
    run = find_run(copied)
    earlier = Experiment.from_dict(run.description()["experiment"])
    viewed = earlier.but(
        augmentation=earlier.augmentation.but(horizontal_flip=True),
        transfer=Transfer("none", views=2),
        train=earlier.train.but(unfreeze=unfreeze),
        earlier_phases=(earlier.train.but(unfreeze="head"),),
    )
    describe_otherwise(run, experiment=viewed.to_dict())
    assert continued_experiment(run).transfer.views == views


def test_early_stopping_stays_part_of_the_recipe(copied):
    run = find_run(copied)
    earlier = Experiment.from_dict(run.description()["experiment"])
    stopped = earlier.but(train=earlier.train.but(early_stopping=EarlyStopping()), earlier_phases=(earlier.train,))
    describe_otherwise(run, experiment=stopped.to_dict())
    continued = continued_experiment(run)
    assert (continued.train, continued.earlier_phases) == (stopped.train, ())
