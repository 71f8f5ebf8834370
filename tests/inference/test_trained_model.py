"""Predictions of a trained model, from Python."""

import csv
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import kerasclf
from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, run_study
from kerasclf.errors import KerasclfError
from kerasclf.files.writing import write_json
from kerasclf.inference.labelled_images import LabelledImages
from kerasclf.inference.trained_model import TrainedModel
from kerasclf.networks.model_file import save_model
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.runs.run_data import dataset_of_run
from kerasclf.runs.run_tables import read_predictions
from tests.photos import CLASSES


@pytest.fixture(scope="module")
def trained(study):
    return kerasclf.load(study)


@pytest.fixture(scope="module")
def padded(photos, tmp_path_factory):
    """A run that was trained on the same square photographs, padded to 8×12 pixels."""
    experiment = Experiment(
        data=f"folder:{photos}", model="mlp", image_size=(8, 12), fit="pad",
        split=Split(validation=0.25, test=0.25), augmentation=Augmentation(rescale=1 / 255),
        train=TrainConfig(epochs=1, batch_size=4, learning_rate=1e-3),
    )  # fmt: skip
    out = tmp_path_factory.mktemp("padded")
    run_study(Study("padded", "Padded", "Why?", {"padded": experiment}), out, engine=Inline())
    return kerasclf.load(out)


def test_a_model_of_padded_images_pads_all_that_it_predicts(padded, photos):
    assert padded.image_fit == padded.run.description()["experiment"]["fit"] == "pad"
    test = dataset_of_run(padded.run, print).test
    files, expected = [photos / name for name in test.names], padded.run.predictions()[1]
    (batch,) = padded.read_files(map(str, files))
    np.testing.assert_array_equal(batch.images, test.images.read(np.arange(len(test))))  # as in training
    arrays = [np.asarray(Image.open(file)) for file in files]
    for images in (files, arrays):
        np.testing.assert_allclose(padded.probabilities(images, engine="tensorflow"), expected, atol=1e-6)
    squashed = replace(padded, image_fit="squash").probabilities(files, engine="tensorflow")
    assert np.abs(squashed - expected).max() > 0.01


def test_a_model_of_padded_images_is_evaluated_on_padded_images(padded, photos, tmp_path):
    files = sorted(path for path in photos.rglob("*.png"))
    pixels = np.stack([np.asarray(Image.open(file)) for file in files])
    labels = np.array([CLASSES.index(file.parent.name) for file in files])
    np.savez(tmp_path / "all.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels, class_names=CLASSES)
    expected = padded.probabilities(files, engine="tensorflow")
    for data in (f"folder:{photos}", f"npz:{tmp_path / 'all.npz'}"):
        found = padded.evaluate(data, engine="tensorflow").models[0]
        order = np.argsort(expected[:, 0]), np.argsort(found.probabilities[:, 0])
        np.testing.assert_allclose(found.probabilities[order[1]], expected[order[0]], atol=1e-5)
    (image,) = LabelledImages.find(f"folder:{photos}").read(np.array([0]), (8, 12, 3), "pad")
    np.testing.assert_array_equal(image[:, 2:10], pixels[0])


def saved(path, output="softmax", dtype="uint8", shape=(8, 8, 3), names=("cat", "dog", "owl")):
    image = keras.Input(shape, dtype=dtype, name="image")
    x = layers.Dense(3, activation=output)(layers.Flatten()(layers.Rescaling(1 / 255)(image)))
    save_model(keras.Model(image, x), path, names)
    return path


def test_it_says_what_it_is(trained, study):
    assert trained.class_names == ("cat", "dog", "owl")
    assert (trained.image_size, trained.channels) == ((8, 8), 3)
    assert trained.run.description()["class_names"] == ["cat", "dog", "owl"]
    assert repr(trained) == f"<TrainedModel: {trained.path}, images of 8x8x3, 3 classes>"


@pytest.mark.parametrize(("engine", "tolerance"), [("tensorflow", 1e-6), ("openvino", 1e-5)])
def test_predictions_are_those_of_the_run(trained, photos, engine, tolerance):
    if engine == "openvino":
        pytest.importorskip("openvino")
    with (trained.run.path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    files = [photos / row["image"] for row in rows]
    expected = read_predictions(trained.run.path / "predictions.csv", list(trained.class_names))[1]
    np.testing.assert_allclose(trained.probabilities(files, engine=engine), expected, atol=tolerance)
    table = trained.predict(files, engine=engine)
    assert list(table["file"]) == [str(file) for file in files]
    assert list(table["class"]) == [row["predicted"] for row in rows]
    np.testing.assert_allclose(table["probability"], expected.max(axis=1), atol=tolerance)
    assert table["problem"].isna().all()


def test_a_broken_file_is_a_row_that_says_why(trained, photos, tmp_path):
    good, broken = photos / "cat" / "000.png", tmp_path / "broken.png"
    broken.write_bytes(good.read_bytes()[:60])
    table = trained.predict([good, broken, tmp_path / "missing.png", good])
    assert list(table["class"].isna()) == [False, True, True, False]
    assert table["problem"][1].startswith("cannot be read as an image: ")
    assert table["problem"][2] == "does not exist."
    assert table.loc[0, "probability"] == table.loc[3, "probability"]
    assert list(np.isnan(trained.probabilities([good, broken])).any(axis=1)) == [False, True]


def test_files_are_read_as_in_training(trained, photos, tmp_path):
    """Orientation, transparency, 16 bits and size: the same picture gives the same prediction."""
    upright = Image.open(photos / "owl" / "003.png").resize((8, 16))
    upright.save(tmp_path / "upright.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "turned.tif", exif=exif)
    clear = upright.convert("RGBA")
    clear.putalpha(255)
    clear.save(tmp_path / "clear.png")
    found = trained.probabilities([tmp_path / name for name in ("upright.png", "turned.tif", "clear.png")])
    np.testing.assert_allclose(found[1:], found[[0, 0]], atol=1e-6)


def test_arrays_of_other_sizes_are_resized_as_files_are(trained, images, tmp_path):
    large = np.random.default_rng(1).integers(0, 256, (30, 20, 3), np.uint8)
    Image.fromarray(large).save(tmp_path / "large.png")
    of_arrays = trained.probabilities([images[0], large])
    np.testing.assert_allclose(of_arrays[1:], trained.probabilities([tmp_path / "large.png"]), atol=1e-6)
    table = trained.predict(images, top=2)
    assert list(table.columns) == ["file", "class", "probability", "class_2", "probability_2", "problem"]
    assert list(table["file"]) == ["0", "1", "2", "3"]
    assert (table["probability"] >= table["probability_2"]).all()
    assert trained.predict(images, top=9).shape == (4, 8)  # three classes


@pytest.mark.parametrize(
    ("change", "received"),
    [
        (lambda images: images / 255, "float64 of shape (8, 8, 3)"),
        (lambda images: images[..., :1], "uint8 of shape (8, 8, 1)"),
        (lambda images: images[0], "uint8 of shape (8, 3)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(trained, images, change, received):
    with pytest.raises(KerasclfError) as caught:
        trained.predict(change(images))
    assert str(caught.value) == (
        "images: expected uint8 arrays of shape (height, width, 3), pixels 0–255. Received: " + received + "."
    )


def test_no_images_give_an_empty_table(trained):
    assert trained.predict([]).shape == (0, 4)
    assert trained.probabilities([]).shape == (0, 3)


def test_a_model_of_another_toolkit_is_told_all_that_it_lacks(tmp_path):
    path = saved(tmp_path / "other.keras", dtype="float32", names=())
    with pytest.raises(KerasclfError) as caught:
        kerasclf.load(path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path} cannot be used:"
    assert lines[1].startswith("  - Expected an input of raw pixels, uint8 from 0 to 255. Received: ")
    assert lines[2].startswith(f"  - Expected the names of 3 classes inside {path}. It has none. Write them, ")
    write_json(tmp_path / "classes.json", ["a", "b"])
    with pytest.raises(KerasclfError, match=r"a class name for each of 3 outputs\. Received: .* with 2 names\."):
        kerasclf.load(path)


@pytest.mark.parametrize("shape", [(8, 8, 4), (None, None, 3), (8,)])
def test_a_model_of_other_inputs_is_refused(tmp_path, shape):
    image = keras.Input(shape, dtype="uint8", name="image")
    x = layers.Rescaling(1 / 255)(image)
    x = x if len(shape) == 1 else layers.GlobalAveragePooling2D()(x)
    save_model(keras.Model(image, layers.Dense(2, activation="softmax")(x)), tmp_path / "m.keras", ["a", "b"])
    with pytest.raises(KerasclfError) as caught:
        TrainedModel.read(tmp_path / "m.keras")
    assert str(caught.value) == (
        "Expected an input of images of one size, of shape (height, width, 3) in colour or (height, width, 1) in grey. "
        f"Received: {tmp_path / 'm.keras'} with shape {shape}."
    )


def test_outputs_that_are_no_probabilities_are_refused(tmp_path, images):
    trained = TrainedModel.read(saved(tmp_path / "logits.keras", output=None))
    with pytest.raises(KerasclfError, match=r"expected probabilities.* Add a softmax at its end\."):
        trained.predict(images, engine="tensorflow")


def test_a_model_of_half_precision_is_computed_by_tensorflow(tmp_path, images):
    pytest.importorskip("openvino")
    image = keras.Input((8, 8, 3), dtype="uint8", name="image")
    x = layers.Dense(3, activation="softmax", dtype="float32")(
        layers.Dense(4, dtype="mixed_bfloat16")(layers.Flatten()(layers.Rescaling(1 / 255)(image)))
    )
    save_model(keras.Model(image, x), tmp_path / "mixed.keras", ["a", "b", "c"])
    trained = TrainedModel.read(tmp_path / "mixed.keras")
    assert len(trained.predict(images)) == 4
    with pytest.raises(KerasclfError, match=r"engine: OpenVINO cannot compute this model: it computes in bfloat16\."):
        trained.predict(images, engine="openvino")


def test_a_copied_file_needs_no_run(trained, images, tmp_path):
    shutil.copy(trained.path, tmp_path / "mine.keras")
    alone = kerasclf.load(tmp_path / "mine.keras")
    assert alone.run is None
    assert alone.class_names == trained.class_names
    np.testing.assert_array_equal(alone.probabilities(images), trained.probabilities(images))
