"""Evaluations of trained models on labelled images, from Python."""

import dataclasses
import json
import shutil
import unicodedata

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import kerasclf
from kerasclf.errors import DataError, FolderError, KerasclfError
from kerasclf.evaluation import evaluate, model_names
from kerasclf.inference.averaged_views import VIEWS, views_of
from kerasclf.inference.calibration.model_calibration import ModelCalibration
from kerasclf.inference.corruptions import corrupt
from kerasclf.inference.labelled_images import LabelledImages
from kerasclf.inference.labelled_predictions import ALL_CORRUPTED, EvaluationOptions, predict_labelled
from kerasclf.inference.read_ahead import file_reader
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.loading import find_model
from kerasclf.networks.model_file import save_model
from tests.inference.test_trained_model import saved
from tests.photos import add_images


def model_of(study, name):
    path = next(study.glob(f"runs/{name}-*/seed-0/model.keras"))
    return TrainedModel.read(path, find_model(path).run)


@pytest.fixture(scope="module")
def trained(study):
    return model_of(study, "long")


@pytest.fixture(scope="module")
def short(study):
    return model_of(study, "short")


@pytest.fixture(scope="module")
def new_photos(tmp_path_factory):
    """Twelve photographs of each class that no run has seen. A third of the owls look like cats."""
    root = tmp_path_factory.mktemp("new")
    add_images(root, 12, first=100)
    for number in range(4):
        shutil.copy(root / "cat" / f"{100 + number}.png", root / "owl" / f"{100 + number}.png")
    return root


@pytest.fixture(scope="module")
def everything(trained, short, new_photos):
    """Two models with their ensemble, averaged views and corruptions."""
    options = EvaluationOptions(views_of(3), corrupted=True, ensemble=True, engine="tensorflow")
    return evaluate([trained, short], LabelledImages.find(f"folder:{new_photos}"), options)


def files_of(root):
    return sorted(root.rglob("*.png"))


def test_the_accuracy_is_that_of_the_predictions(trained, new_photos):
    found = trained.evaluate(f"folder:{new_photos}", engine="tensorflow")
    table = trained.predict(files_of(new_photos), engine="tensorflow")
    truth = [file.parent.name for file in files_of(new_photos)]
    assert found.accuracy == pytest.approx(np.mean(table["class"] == truth))
    assert found.interval.low < found.accuracy < found.interval.high
    assert found.names == tuple(file.relative_to(new_photos).as_posix() for file in files_of(new_photos))
    assert found.which == "all images"
    row = found.table().iloc[0]
    assert (row["model"], row["images"]) == ("long", 36)
    assert row["accuracy"] == found.accuracy
    assert list(found.by_class()["images"]) == [12, 12, 12]
    assert repr(found).startswith("<Evaluation: 36 images of folder:")


def test_a_calibrated_model_is_evaluated_as_trained(trained, new_photos):
    labels = np.arange(60) % 3
    unsure = 0.25 + 0.25 * np.eye(3)[labels]  # half sure, and right but for the last image
    labels[-1] = 0
    calibrated = dataclasses.replace(trained, calibration=ModelCalibration.fit(labels, unsure))
    assert calibrated.calibration.temperature.value < 0.5
    found = calibrated.evaluate(f"folder:{new_photos}", engine="tensorflow")
    as_trained = trained.probabilities(files_of(new_photos), engine="tensorflow")
    np.testing.assert_allclose(found.models[0].probabilities, as_trained, atol=1e-6)


def test_it_compares_with_the_test_images_of_the_run(trained, new_photos):
    found = trained.evaluate(f"folder:{new_photos}")
    labels, probabilities = trained.run.predictions()
    own = float(np.mean(probabilities.argmax(axis=1) == labels))
    row = found.table().iloc[0]
    assert row["own_test_accuracy"] == pytest.approx(own)
    assert row["harder"] == pytest.approx(own - found.accuracy)
    assert row["harder_low"] <= row["harder"] <= row["harder_high"]


def test_images_that_the_run_has_seen_are_counted_and_not_compared(trained, photos):
    found = trained.evaluate(f"folder:{photos}")
    assert found.models[0].seen == trained.run.description()["data"]["images"]
    assert found.harder_than_own_test(found.models[0]) is None
    from kerasclf.report.evaluation.evaluation_findings import evaluation_cautions, evaluation_findings

    assert (
        "had 13 in the training set and 5 in the validation set: its accuracy here is too high."
        in (evaluation_cautions(found)[0])
    )
    assert "include 6 test images of the run itself" in evaluation_findings(found)[1]


def test_a_folder_with_sets_gives_its_test_set(trained, tmp_path):
    for name, count in (("train", 3), ("test", 2)):
        add_images(tmp_path / name, count)
    images = LabelledImages.find(f"folder:{tmp_path}")
    assert (images.which, len(images)) == ("its test set", 6)
    assert trained.evaluate(f"folder:{tmp_path}").which == "its test set"


def test_arrays_give_their_test_set_of_any_size_or_else_all_images(tmp_path):
    pixels, labels = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), np.uint8), np.arange(50) % 2
    arrays = {"x_train": pixels[:30], "y_train": labels[:30]}
    np.savez(tmp_path / "train.npz", **arrays)
    found = LabelledImages.find(str(tmp_path / "train.npz"))
    assert (found.title, found.which, len(found)) == ("images of train.npz", "all images", 30)
    assert found.names[-1] == "29"
    arrays |= {"x_val": pixels[30:40], "y_val": labels[30:40]}
    np.savez(tmp_path / "two.npz", **arrays)
    found = LabelledImages.find(f"npz:{tmp_path / 'two.npz'}")
    assert (found.which, len(found), len(set(found.names))) == ("all images", 40, 40)
    assert (found.names[0], found.names[-1]) == ("train/0", "validation/9")
    np.testing.assert_array_equal(found.read(np.arange(40), (8, 8, 3), "squash"), pixels[:40])
    np.savez(tmp_path / "three.npz", **arrays, x_test=pixels[40:, :6], y_test=labels[40:])
    found = LabelledImages.find(f"npz:{tmp_path / 'three.npz'}")
    assert (found.which, found.source.shape, found.labels.tolist()) == ("its test set", (6, 8, 3), [0, 1] * 5)


def test_classes_are_matched_by_name_whatever_their_order(trained, tmp_path):
    add_images(tmp_path, 2)
    (tmp_path / "cat").rename(tmp_path / "zebra")  # now the last folder
    found = trained.evaluate(f"folder:{tmp_path}", rename={"zebra": "cat"})
    assert found.class_names == ("cat", "dog", "owl")
    assert [name.partition("/")[0] for name in np.array(found.names)[found.labels == 0]] == ["zebra"] * 2


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_classes_are_matched_whatever_the_unicode_form_of_their_names(form, tmp_path):
    data, model = (unicodedata.normalize(one, "Käfer") for one in (form, "NFD" if form == "NFC" else "NFC"))
    add_images(tmp_path, 2, classes=(data, "gnu"))
    images = LabelledImages.find(f"folder:{tmp_path}")
    found = images.in_classes(("ant", model), known_only=True)
    assert (found.class_names, found.labels.tolist()) == (("ant", model), [1, 1])
    assert images.in_classes((model, "ant"), rename={"gnu": data}).labels.tolist() == [0] * 4
    assert images.in_classes(("gnu", "ant"), rename={model: "ant"}).labels.tolist() == [1, 1, 0, 0]

    trained = [
        TrainedModel.read(saved(tmp_path / f"{number}.keras", names=names))
        for number, names in enumerate((("ant", model, "bee"), (data, "ant", "bee")))
    ]
    both = evaluate(trained, images, EvaluationOptions(known_only=True))
    assert dict(both.left_out) == {"gnu": 2}
    assert both.labels.tolist() == [1, 1]
    raw = np.asarray(trained[1].model(found.read(np.arange(2), (8, 8, 3), "squash")))
    np.testing.assert_allclose(both.models[1].probabilities, raw[:, [1, 0, 2]], atol=1e-5)


def test_unknown_classes_are_named_with_the_closest_known_one(trained, tmp_path):
    add_images(tmp_path, 2, classes=("cats", "dog", "gnu"))
    with pytest.raises(KerasclfError) as caught:
        trained.evaluate(f"folder:{tmp_path}")
    assert str(caught.value) == (
        f"The model does not know 2 classes of folder:{tmp_path}: 'cats' (2 images; did you mean 'cat'?), 'gnu' (2 "
        "images). It knows 'cat', 'dog', 'owl'. If a class has another name in the model, give both as `rename`. To "
        "leave the others out, use `known_only`."
    )
    found = trained.evaluate(f"folder:{tmp_path}", rename={"cats": "cat"}, known_only=True)
    assert len(found.labels) == 4
    assert dict(found.left_out) == {"gnu": 2}
    assert found.missing_classes == ("owl",)
    with pytest.raises(KerasclfError, match="rename: the data set has no class 'emu'"):
        trained.evaluate(f"folder:{tmp_path}", rename={"emu": "cat"})
    with pytest.raises(KerasclfError, match="rename: the model has no class 'emu'"):
        trained.evaluate(f"folder:{tmp_path}", rename={"cats": "emu"})


def test_no_known_class_is_an_error_even_if_unknown_ones_may_be_left_out(trained, tmp_path):
    add_images(tmp_path, 1, classes=("emu", "gnu"))
    with pytest.raises(KerasclfError, match="does not know 2 classes"):
        trained.evaluate(f"folder:{tmp_path}", known_only=True)


def test_a_broken_image_is_left_out_and_named(trained, tmp_path):
    add_images(tmp_path, 2)
    (tmp_path / "dog" / "000.png").write_bytes(b"\x89PNG")
    found = trained.evaluate(f"folder:{tmp_path}")
    assert list(found.unreadable) == ["dog/000.png"]
    assert len(found.labels) == len(found.models[0].probabilities) == 5
    assert found.unreadable["dog/000.png"].startswith("cannot be read as an image: ")
    for file in files_of(tmp_path):
        file.write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"None of the images of folder:.* can be read"):
        trained.evaluate(f"folder:{tmp_path}")


def test_images_of_other_channels_are_refused(tmp_path):
    path = saved(tmp_path / "model.keras", names=("0", "1", "2"))
    with pytest.raises(KerasclfError, match=r"Expected images in colour \(3 channels\).*digits, grey images"):
        TrainedModel.read(path).evaluate("digits", known_only=True)


def test_averaged_views_are_the_mean_over_views(everything, trained, new_photos):
    images = np.stack([file_reader((8, 8, 3), "squash")(str(file)) for file in files_of(new_photos)])
    expected = np.mean([trained.model(view.of(images)) for view in VIEWS[:3]], axis=0)
    np.testing.assert_allclose(everything.models[0].averaged, expected, atol=1e-6)
    gain = everything.gain_of_views(everything.models[0])
    right = expected.argmax(axis=1) == everything.labels
    assert gain.value == pytest.approx(np.mean(right) - everything.accuracy)
    assert gain.low <= gain.value <= gain.high


def test_every_corruption_is_predicted(everything, trained, new_photos):
    images = [file_reader((8, 8, 3), "squash")(str(file)) for file in files_of(new_photos)]
    for column in (4, 9, 29):  # the strongest noise, blur and occlusion
        damaged = np.stack([corrupt(image, *ALL_CORRUPTED[column]) for image in images])
        right = np.asarray(trained.model(damaged)).argmax(axis=1) == everything.labels
        np.testing.assert_array_equal(everything.models[0].right[:, column], right)
        one = everything.degradations[column]
        assert (one.corruption, one.strength) == ALL_CORRUPTED[column]
        assert one.accuracy.value == pytest.approx(right.mean())
        assert one.drop.value == pytest.approx(everything.accuracy - right.mean())
    second = everything.degradations[30]
    assert (second.model, second.advantage is None) == ("short", False)
    rights = [model.right[:, 0].mean() for model in everything.models[:2]]
    assert second.advantage.value == pytest.approx(rights[1] - rights[0])


def test_the_ensemble_is_the_mean_of_its_members(everything):
    long, short, ensemble = everything.models
    np.testing.assert_allclose(ensemble.probabilities, (long.probabilities + short.probabilities) / 2, atol=1e-7)
    pairs = [(c.name, c.other) for c in everything.comparisons]
    assert pairs == [("short", "long"), ("ensemble", "long"), ("ensemble", "short")]
    assert {c.basis for c in everything.comparisons} == {"networks"}
    assert everything.comparisons[0].difference.value == pytest.approx(
        float(everything.table()["accuracy"][1] - everything.accuracy)
    )


def test_models_with_another_order_of_classes_are_aligned(trained, new_photos, tmp_path):
    import keras

    image = trained.model.inputs[0]
    turned = keras.Model(image, keras.layers.Lambda(lambda p: p[:, ::-1])(trained.model(image)))
    other = dataclasses.replace(
        trained, model=turned, class_names=trained.class_names[::-1], path=tmp_path / "turned.keras", run=None
    )
    found = evaluate([trained, other], LabelledImages.find(f"folder:{new_photos}"))
    np.testing.assert_allclose(found.models[1].probabilities, found.models[0].probabilities, atol=1e-6)
    assert found.models[1].name == "turned"


def test_models_of_different_classes_are_refused(trained, new_photos, tmp_path):
    other = TrainedModel.read(saved(tmp_path / "other.keras", names=("cat", "dog", "emu")))
    with pytest.raises(KerasclfError, match=r"Expected models of the same classes.*has 'emu', 'owl'"):
        evaluate([trained, other], LabelledImages.find(f"folder:{new_photos}"))


def test_names_of_models_are_unique_and_no_ensemble(trained, short, tmp_path):
    run = short.run.path
    for folder in ("ensemble", "my model"):
        (tmp_path / folder).mkdir()
        shutil.copy(run / "model.keras", tmp_path / folder / "model.keras")
    alone = [TrainedModel.read(tmp_path / folder / "model.keras") for folder in ("ensemble", "my model")]
    assert model_names([trained, short, trained, *alone]) == [
        "long-seed-0", "short", "long-seed-0-2", "ensemble-2", "my-model",
    ]  # fmt: skip


def test_the_report_holds_everything(everything, tmp_path, quick_figures):
    page = everything.write_report(tmp_path / "report")
    folder = page.parent
    assert {path.name for path in folder.iterdir() if path.suffix in (".csv", ".json", ".md", ".html")} == {
        "index.html", "report.md", "summary.csv", "by_class.csv", "corruptions.csv", "evaluation.json",
        "predictions_long.csv", "predictions_short.csv", "predictions_ensemble.csv",
    }  # fmt: skip
    assert {path.stem for path in folder.glob("*.svg")} == {
        "bars", "differences", "probabilities", "corruptions",
        "confusion_long", "confusion_short", "confusion_ensemble",
    }  # fmt: skip
    curves = pd.read_csv(folder / "corruptions.csv")
    assert len(curves) == 60
    assert curves["minus_first_model"].isna().sum() == 30
    described = json.loads((folder / "evaluation.json").read_text())
    text = page.read_text()
    for sentence in described["findings"]:
        assert sentence.replace("'", "&#39;") in text
        assert sentence.replace("_", r"\_") in (folder / "report.md").read_text().replace("&#39;", "'")
    with pytest.raises(FolderError, match="out: expected a new or empty folder"):
        everything.write_report(folder)


@pytest.mark.slow
def test_every_figure_can_be_drawn(everything, tmp_path):
    folder = everything.write_report(tmp_path / "report").parent
    assert all(path.stat().st_size > 5000 for path in folder.glob("*.png"))


def test_nothing_is_left_of_a_report_that_cannot_be_written(everything, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kerasclf.report.evaluation.evaluation_page.save_figure", full)
    with pytest.raises(FolderError, match="report cannot be written: No space left on device"):
        everything.write_report(tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_a_run_is_evaluated_alone(trained, new_photos, tmp_path):
    path = tmp_path / "alone.keras"
    save_model(trained.model, path, trained.class_names)
    found = kerasclf.load(path).evaluate(f"folder:{new_photos}")
    row = found.table().iloc[0]
    assert row["model"] == "alone"
    assert np.isnan(row["own_test_accuracy"]) and np.isnan(row["harder"])


def test_images_are_read_once_however_much_is_computed(trained, new_photos, monkeypatch):
    images, reads = LabelledImages.find(f"folder:{new_photos}"), []
    original = LabelledImages.batches
    monkeypatch.setattr(LabelledImages, "batches", lambda self, *form: reads.append(form) or original(self, *form))
    done = []
    options = EvaluationOptions(views_of("flip"), corrupted=True)
    predict_labelled(trained, images, options, advance=done.append)
    assert reads == [((8, 8, 3), "squash")]
    assert sum(done) == 36 * 32 == 36 * options.passes


def test_a_picture_of_another_size_is_resized_as_in_predict(trained, tmp_path):
    add_images(tmp_path, 1)
    Image.new("RGB", (20, 30), "red").save(tmp_path / "cat" / "large.png")
    found = trained.evaluate(f"folder:{tmp_path}", engine="tensorflow")
    position = found.names.index("cat/large.png")
    expected = trained.probabilities([tmp_path / "cat" / "large.png"], engine="tensorflow")
    np.testing.assert_allclose(found.models[0].probabilities[position], expected[0], atol=1e-6)
