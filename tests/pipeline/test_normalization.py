"""Normalisation inside the model against Keras' legacy generator, fitted to the same images."""

import keras
import numpy as np
import pytest
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from kerasclf import Augmentation
from kerasclf.pipeline.normalization import normalize
from kerasclf.pipeline.normalization_statistics import fit_statistics
from tests.conftest import make_subset

SHAPE = (6, 6, 3)

CASES = {
    "rescale": {"rescale": 1 / 255},
    "featurewise": {"featurewise_center": True, "featurewise_std_normalization": True},
    "featurewise_center": {"featurewise_center": True},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "samplewise_center": {"samplewise_center": True},
    "rescaled_featurewise": {
        "rescale": 1 / 127.5, "featurewise_center": True, "featurewise_std_normalization": True,
    },
    "zca": {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-2, "rescale": 1 / 255},
}  # fmt: skip


@pytest.fixture(scope="module")
def subset():
    return make_subset(300, shape=SHAPE)


def model_of(subset, fields):
    augmentation = Augmentation(**fields)
    pixels = keras.Input(SHAPE, dtype="uint8")
    return keras.Model(pixels, normalize(pixels, augmentation, fit_statistics(subset, augmentation)))


@pytest.mark.parametrize("name", CASES)
def test_it_equals_the_generators(subset, name, tmp_path):
    images = subset.images.read(np.arange(len(subset)))
    generator = ImageDataGenerator(**CASES[name])
    generator.fit(images.astype(np.float32))
    expected = np.stack([generator.standardize(image.astype(np.float32)) for image in images[:20]])
    model = model_of(subset, CASES[name])
    tolerance = 2e-3 if name == "zca" else 2e-5
    np.testing.assert_allclose(model.predict(images[:20], verbose=0), expected, rtol=tolerance, atol=tolerance)
    # The saved model loads in Keras' safe mode, without kerasclf.
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.predict(images[:20], verbose=0), model.predict(images[:20], verbose=0))


@pytest.mark.parametrize("epsilon", [1e-6, 1e-2])
def test_zca_of_fewer_images_than_values_whitens_other_images_like_the_generator(epsilon):
    fields = {**CASES["zca"], "zca_epsilon": epsilon}
    train, others = make_subset(40, shape=SHAPE), make_subset(20, shape=SHAPE, seed=1).images.array
    generator = ImageDataGenerator(**fields)
    generator.fit(train.images.array.astype(np.float32))
    expected = np.stack([generator.standardize(image.astype(np.float32)) for image in others])
    np.testing.assert_allclose(model_of(train, fields).predict(others, verbose=0), expected, rtol=2e-3, atol=2e-3)


def test_std_normalisation_centres_too(subset):
    values = model_of(subset, {"featurewise_std_normalization": True}).predict(subset.images.array, verbose=0)
    np.testing.assert_allclose(values.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(values.std(axis=(0, 1, 2)), 1, atol=1e-5)


def test_a_backbones_preprocessing_becomes_part_of_the_model(subset, tmp_path):
    model = model_of(subset, {"preprocessing_function": "keras.applications.resnet50:preprocess_input"})
    images = subset.images.array[:5]
    expected = keras.applications.resnet50.preprocess_input(images.astype(np.float32))
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-4)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_allclose(loaded.predict(images, verbose=0), expected, atol=1e-4)


def test_without_normalisation_the_network_sees_pixels(subset):
    np.testing.assert_array_equal(
        model_of(subset, {}).predict(subset.images.array[:5], verbose=0), subset.images.array[:5]
    )
