"""Heat maps, features and nearest training images against values computed by hand."""

import unicodedata
from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from kerasclf.errors import DataError, KerasclfError
from kerasclf.inference import explain
from kerasclf.inference.explain import NearestImages, features, heat_maps, nearest_training_images, search_images
from kerasclf.loading import load
from kerasclf.models.visualization import grad_cam
from kerasclf.networks.model_file import save_model
from kerasclf.runs import run_data
from tests.conftest import make_subset


def two_map_model(shape=(4, 4, 2), nested=False):
    """A network whose maps are its two channels, averaged, and whose classes weigh them by ±1."""
    image = keras.Input(shape, dtype="uint8")
    x = inner = keras.Input(shape) if nested else layers.Rescaling(1 / 255)(image)
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1, use_bias=False, name="conv")(x))
    network = layers.Dense(2, "softmax", use_bias=False, name="out")(x)
    if nested:
        core = keras.Model(inner, network, name="core")
        network = core(layers.Rescaling(1 / 255)(image))
    model = keras.Model(image, network)
    named = core if nested else model
    named.get_layer("conv").set_weights([np.eye(2).reshape(1, 1, 2, 2)])
    named.get_layer("out").set_weights([np.array([[1.0, -1.0], [-1.0, 1.0]])])
    return model


@pytest.fixture(scope="module")
def model():
    return two_map_model()


def random_images(count, shape=(4, 4, 2), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def test_a_heat_map_is_the_difference_of_the_two_channels(model):
    """Class 1 gains 1/16 per unit of the second channel and loses as much per unit of the first."""
    images = random_images(5)
    difference = np.maximum(images[..., 1].astype(float) - images[..., 0], 0)
    expected = difference / difference.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(heat_maps(model, images, [1] * 5), expected, atol=1e-6)


def test_the_predicted_class_is_explained_by_default(model):
    images = random_images(6)
    predicted = np.asarray(model(images)).argmax(axis=1)
    assert set(predicted) == {0, 1}
    np.testing.assert_array_equal(heat_maps(model, images), heat_maps(model, images, predicted.tolist()))


def test_batches_give_what_single_images_give(model):
    images = random_images(37)  # two batches of 16 and a part
    together = heat_maps(model, images)
    assert together.shape == (37, 4, 4)
    assert together.dtype == np.float32
    for image, heat in zip(images, together, strict=True):
        np.testing.assert_allclose(grad_cam(model, image).heat, heat, atol=1e-6)


def test_a_coarse_map_is_enlarged_to_the_image():
    """The map has 2×3 cells, the sums of blocks of 2×2 pixels."""
    image = keras.Input((4, 6, 1), dtype="uint8")
    x = layers.Conv2D(1, 2, strides=2, use_bias=False, kernel_initializer="ones")(layers.Rescaling(1.0)(image))
    classes = layers.Dense(2, "softmax", use_bias=False, name="out")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, classes)
    model.get_layer("out").set_weights([np.array([[0.01, -0.01]])])
    pixels = np.zeros((1, 4, 6, 1), np.uint8)
    pixels[0, :2, :2], pixels[0, 2:, 4:] = 8, 4
    (found,) = heat_maps(model, pixels, [0])
    assert found.shape == (4, 6)
    np.testing.assert_allclose([found[0, 0], found[3, 5], found[0, 5], found[3, 0]], [1, 0.5, 0, 0], atol=1e-6)
    assert not heat_maps(model, pixels, [1]).any()


def test_no_image_has_no_heat_map(model):
    assert heat_maps(model, random_images(0)).shape == (0, 4, 4)
    assert features(model, random_images(0)).shape == (0, 2)


def test_classes_are_checked(model):
    with pytest.raises(KerasclfError, match=r"labels: expected one for each of 2 images\. Received: 1"):
        heat_maps(model, random_images(2), [0])
    with pytest.raises(KerasclfError, match=r"label: expected 0 to 1\. Received: 2"):
        heat_maps(model, random_images(2), [0, 2])


@pytest.mark.parametrize("nested", [False, True])
def test_features_are_the_input_of_the_last_dense_layer(nested):
    images = random_images(3)
    np.testing.assert_allclose(
        features(two_map_model(nested=nested), images), images.mean(axis=(1, 2)) / 255, rtol=1e-5
    )


def test_features_of_a_last_convolution_are_averaged():
    image = keras.Input((4, 4, 2), dtype="uint8")
    x = layers.Conv2D(3, 1)(layers.Rescaling(1 / 255)(image))
    classes = layers.Activation("softmax")(layers.GlobalAveragePooling2D()(x))
    images = random_images(3)
    np.testing.assert_allclose(features(keras.Model(image, classes), images), images.mean(axis=(1, 2)) / 255, rtol=1e-5)


def test_features_come_in_batches(model, monkeypatch):
    images = random_images(7)
    whole = features(model, images)
    monkeypatch.setattr(explain, "batch_size", lambda shape: 3)
    np.testing.assert_allclose(features(model, images), whole, atol=1e-7)


def test_the_nearest_image_of_a_copy_is_the_image():
    rows = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    indices, distances = NearestImages(rows).find(rows[[7, 31]], k=3)
    assert indices[:, 0].tolist() == [7, 31]
    np.testing.assert_allclose(distances[:, 0], 0, atol=1e-6)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(distances, np.sort(1 - unit[[7, 31]] @ unit.T, axis=1)[:, :3], atol=1e-5)


def test_there_are_no_more_nearest_images_than_images():
    indices, _ = NearestImages(np.eye(2, dtype=np.float32)).find(np.eye(2, dtype=np.float32), k=9)
    assert indices.shape == (2, 2)


def test_images_are_drawn_and_read_in_batches(model, monkeypatch):
    subset, sizes = make_subset(20, shape=(4, 4, 2)), []
    monkeypatch.setattr(explain, "batch_size", lambda shape: 4)
    compute_with = explain.compute_with

    def counting(*arguments):
        compute = compute_with(*arguments)
        return lambda batches: compute(sizes.append(len(images)) or images for images in batches)

    monkeypatch.setattr(explain, "compute_with", counting)
    some = search_images(subset, model, most=10, engine="tensorflow")
    assert sizes == [4, 4, 2]
    assert some.sentence == "10 of 20 training images were searched, drawn at random."
    same, other = (search_images(subset, model, most=10, seed=seed, engine="tensorflow") for seed in (0, 1))
    assert some.images.names == same.images.names != other.images.names
    assert search_images(subset, model, engine="tensorflow").sentence == "All 20 training images were searched."


def test_the_training_images_of_a_run_are_found(study):
    trained = load(study)
    found = nearest_training_images(trained.run, trained.model, engine="tensorflow")
    assert len(found.images) == found.available == trained.run.description()["data"]["images"]["train"]
    image = found.images.images.read(np.array([4]))
    indices, distances = found.nearest.find(features(trained.model, image))
    assert indices[0, 0] == 4
    assert abs(distances[0, 0]) < 1e-6


def test_training_images_that_are_gone_are_named(study, photos):
    trained, elsewhere = load(study), photos.with_name("elsewhere")
    photos.rename(elsewhere)
    try:
        with pytest.raises(DataError, match=r"The images of the run, folder:.*, cannot be read: .*\. Restore them\."):
            nearest_training_images(trained.run, trained.model)
    finally:
        elsewhere.rename(photos)


def test_changed_training_images_are_named(study, monkeypatch):
    trained = load(study)
    whole = run_data.dataset_of_run(trained.run, lambda line: None)
    fewer = replace(whole, train=whole.train.take(np.arange(5)))
    monkeypatch.setattr(run_data.Experiment, "dataset", lambda self, log: fewer)
    with pytest.raises(DataError, match="have changed since it ended"):
        nearest_training_images(trained.run, trained.model)


def test_a_trained_model_explains_files_and_arrays(tmp_path):
    save_model(grey_model(), tmp_path / "model.keras", ["cat", "dog"])
    trained = load(tmp_path / "model.keras")
    pixels = random_images(2, (4, 4, 1))
    Image.fromarray(pixels[0, ..., 0]).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"\x89PNG")
    found = trained.explain([tmp_path / "a.png", tmp_path / "b.png"], "dog")
    np.testing.assert_array_equal(found.images[0], pixels[0])
    np.testing.assert_allclose(found.heat[0], pixels[0, ..., 0] / pixels[0].max(), atol=1e-6)
    assert not found.heat[1].any()
    assert found.predictions["problem"].notna().tolist() == [False, True]
    np.testing.assert_array_equal(trained.explain(pixels, "dog").heat[0], found.heat[0])
    assert not trained.explain(pixels, "cat").heat.any()
    composed, decomposed = (unicodedata.normalize(form, "Käfer") for form in ("NFC", "NFD"))
    beetles = replace(trained, class_names=("cat", decomposed)).explain(pixels, composed)
    np.testing.assert_array_equal(beetles.heat[0], found.heat[0])
    with pytest.raises(KerasclfError, match=r"Unknown class 'dig'\. Did you mean 'dog'\?"):
        trained.explain(pixels, "dig")


def grey_model():
    """A network whose class 1 gains with every pixel."""
    image = keras.Input((4, 4, 1), dtype="uint8")
    x = layers.Conv2D(1, 1, use_bias=False, kernel_initializer="ones")(layers.Rescaling(1 / 255)(image))
    classes = layers.Dense(2, "softmax", use_bias=False, name="out")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, classes)
    model.get_layer("out").set_weights([np.array([[-1.0, 1.0]])])
    return model
