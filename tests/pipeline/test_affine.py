"""The affine transform against Keras' legacy generator, parameter for parameter."""

import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.preprocessing.image import apply_affine_transform

from kerasclf.pipeline.affine import Affine, transform

SIZE = 16
CASES = {
    "rotation": {"theta": 23.0},
    "zoom": {"zx": 0.83, "zy": 1.17},
    "shear": {"shear": 14.0},
    "shift": {"tx": 2.3, "ty": -1.2},
    "everything": {"theta": -31.0, "tx": 1.7, "ty": 0.4, "shear": 9.0, "zx": 1.2, "zy": 0.9},
}


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.float32)


def legacy(image, parameters, fill_mode, order=1):
    return apply_affine_transform(
        image, **parameters, row_axis=0, col_axis=1, channel_axis=2, fill_mode=fill_mode, cval=7.0, order=order
    )


def ours(image, parameters, fill_mode, interpolation="bilinear"):
    # The legacy generator's tx moves columns, although it is drawn from height_shift_range: docs/augmentation.md.
    affine = Affine(
        rotation=tf.constant([parameters.get("theta", 0.0)]),
        shift_x=tf.constant([parameters.get("tx", 0.0)]),
        shift_y=tf.constant([parameters.get("ty", 0.0)]),
        shear=tf.constant([parameters.get("shear", 0.0)]),
        zoom_x=tf.constant([parameters.get("zx", 1.0)]),
        zoom_y=tf.constant([parameters.get("zy", 1.0)]),
    )
    return transform(image[None], affine, fill_mode, 7.0, interpolation).numpy()[0]


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "constant"])
@pytest.mark.parametrize("name", CASES)
def test_bilinear_equals_the_legacy_generator(image, name, fill_mode):
    # 0.02 of 255 grey levels: scipy interpolates in float64.
    np.testing.assert_allclose(ours(image, CASES[name], fill_mode), legacy(image, CASES[name], fill_mode), atol=0.02)


@pytest.mark.parametrize("name", CASES)
def test_wrap_equals_the_legacy_generator_inside_the_image(image, name):
    # Outside, scipy's "wrap" repeats with a period of one pixel less than the image.
    inside = ours(image * 0 + 1, CASES[name], "constant") == 1
    np.testing.assert_allclose(
        ours(image, CASES[name], "wrap")[inside], legacy(image, CASES[name], "wrap")[inside], atol=0.02
    )


def test_wrap_repeats_the_image():
    image = np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1) + tf.zeros((1, 4, 1, 1))
    moved = transform(image, Affine(shift_x=tf.constant([2.0])), "wrap")
    np.testing.assert_array_equal(moved.numpy()[0, 0, :, 0], [2, 3, 0, 1])


@pytest.mark.parametrize("fill_mode", ["nearest", "reflect", "constant"])
@pytest.mark.parametrize("name", ["zoom", "shift", "rotation"])
def test_nearest_equals_the_legacy_generator(image, name, fill_mode):
    np.testing.assert_array_equal(
        ours(image, CASES[name], fill_mode, "nearest"), legacy(image, CASES[name], fill_mode, order=0)
    )


def test_the_legacy_generators_shift_axes_are_swapped(image):
    """Documents the one case in which we keep the meaning of the names instead of the behaviour."""
    moved = legacy(image, {"tx": 2.0}, "nearest")
    np.testing.assert_array_equal(moved[:, :-2], image[:, 2:])


def test_flips_are_exact_and_keep_the_type():
    images = np.random.default_rng(0).integers(0, 256, (4, 5, 6, 3), dtype=np.uint8)
    affine = Affine(flip_x=tf.constant([-1.0, 1, -1, 1]), flip_y=tf.constant([1.0, 1, -1, -1]))
    flipped = transform(images, affine).numpy()
    assert flipped.dtype == np.uint8
    expected = [images[0][:, ::-1], images[1], images[2][::-1, ::-1], images[3][::-1]]
    np.testing.assert_array_equal(flipped, expected)


def test_a_flip_within_a_transform_is_the_flip_of_its_input():
    image = np.random.default_rng(0).uniform(0, 255, (1, 8, 8, 1)).astype(np.float32)
    zoom = {"zoom_x": tf.constant([1.2]), "zoom_y": tf.constant([0.9])}
    flipped = transform(image, Affine(flip_x=tf.constant([-1.0]), **zoom))
    np.testing.assert_allclose(flipped, transform(image, Affine(**zoom))[:, :, ::-1], atol=1e-3)


def test_whole_shifts_and_constant_fill_are_exact():
    image = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    moved = transform(image, Affine(shift_x=tf.constant([1.0]), shift_y=tf.constant([-1.0])), "constant", 0.0)
    np.testing.assert_array_equal(moved.numpy()[0, :, :, 0], [[0, 0, 0], [2, 3, 0], [5, 6, 0]])


def test_wide_images_turn_about_their_centre():
    """The legacy generator turns them about a point off the centre."""
    image = np.zeros((1, 5, 9, 1), np.float32)
    image[0, 2, 4] = 255
    turned = transform(image, Affine(rotation=tf.constant([90.0]))).numpy()
    assert turned[0, 2, 4, 0] == pytest.approx(255, abs=0.01)


def test_identity_leaves_images_alone():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), dtype=np.uint8)
    assert transform(images, Affine()) is images
