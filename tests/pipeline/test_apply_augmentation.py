"""Augmentation of batches: stateless, with the parameters and distributions of Keras' generator."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.preprocessing.image import ImageDataGenerator

from kerasclf import Augmentation
from kerasclf.pipeline.apply_augmentation import SLOTS, draw_affine, make_augment

SHAPE = (12, 12, 3)
EPOCH = tf.constant(0, tf.int64)

EVERY_KIND = {
    "geometry": {"rotation_range": 20, "zoom_range": 0.2, "shear_range": 5, "width_shift_range": 0.1,
                 "horizontal_flip": True},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "crop": {"random_crop_padding": 2, "fill_mode": "constant"},
    "color": {"brightness_range": (0.5, 1.5), "channel_shift_range": 30.0},
    "erasing": {"random_erasing": 0.5},
    "rand_augment": {"rand_augment_ops": 2},
}  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (10, *SHAPE), dtype=np.uint8)


# Each function is compiled for seconds.
made_once = functools.cache(make_augment)


def augmented(images, seed=0, epoch=0, indices=None, make=made_once, **fields):
    augment = make(Augmentation(**fields), seed, images.shape[1:])
    indices = tf.range(len(images), dtype=tf.int64) if indices is None else tf.constant(indices, tf.int64)
    return augment(tf.constant(images), tf.constant(epoch, tf.int64), indices).numpy()


# XLA compiles these for seconds.
KINDS = [pytest.param(kind, marks=[pytest.mark.slow] * (kind in ("rand_augment", "erasing"))) for kind in EVERY_KIND]


@pytest.mark.parametrize("kind", KINDS)
def test_an_image_depends_on_seed_epoch_and_index_alone(images, kind):
    fields = EVERY_KIND[kind]
    everything = augmented(images, **fields)
    assert everything.dtype == np.uint8
    assert everything.shape == images.shape
    # An image is the same alone and in another order.
    some = augmented(images[[7, 2]], indices=[7, 2], **fields)
    np.testing.assert_allclose(some.astype(int), everything[[7, 2]].astype(int), atol=1)
    np.testing.assert_array_equal(augmented(images, make=make_augment, **fields), everything)
    for other in ({"seed": 1}, {"epoch": 1}):
        assert (augmented(images, **other, **fields) != everything).any(axis=(1, 2, 3)).sum() >= 5


@pytest.mark.parametrize("kind", KINDS)
def test_it_works_inside_tf_data_as_outside(images, kind):
    augment = make_augment(Augmentation(**EVERY_KIND[kind]), 0, SHAPE)
    data = tf.data.Dataset.range(len(images)).batch(5)
    inside = list(data.map(lambda i: augment(tf.gather(images, i), EPOCH, i)))
    np.testing.assert_array_equal(np.concatenate(inside), augmented(images, **EVERY_KIND[kind]))


def test_nothing_to_do_is_no_function():
    normalisation_alone = Augmentation(featurewise_center=True, rescale=0.5, mix_up=0.2)
    assert make_augment(normalisation_alone, 0, SHAPE) is None


def test_switching_one_change_on_leaves_the_draws_of_the_others(images):
    flipped = augmented(images, horizontal_flip=True)
    both = augmented(images, horizontal_flip=True, brightness_range=(1.0, 1.0))
    np.testing.assert_array_equal(flipped, both)


def drawn_parameters(fields, count=4000, shape=(40, 50, 3)):
    from kerasclf.pipeline import draws

    numbers = draws.uniform(draws.AUGMENT, 0, EPOCH, tf.range(count, dtype=tf.int64), len(SLOTS))
    affine = draw_affine(Augmentation(**fields), dict(zip(SLOTS, tf.unstack(numbers, axis=1), strict=True)), shape)
    generator = ImageDataGenerator(**fields)
    np.random.seed(0)
    theirs = [generator.get_random_transform(shape) for _ in range(count)]
    return affine, {name: np.array([t[name] for t in theirs], float) for name in theirs[0] if t_is_number(theirs, name)}


def t_is_number(transforms, name):
    return transforms[0][name] is not None


@pytest.mark.parametrize(
    ("fields", "mine", "theirs"),
    [
        ({"rotation_range": 30}, "rotation", "theta"),
        ({"shear_range": 10}, "shear", "shear"),
        ({"zoom_range": 0.2}, "zoom_x", "zx"),
        ({"zoom_range": (0.5, 0.9)}, "zoom_y", "zy"),
        # "tx" is what the generator draws from height_shift_range.
        ({"height_shift_range": 0.25}, "shift_y", "tx"),
        ({"width_shift_range": 0.25}, "shift_x", "ty"),
        ({"width_shift_range": 3.5}, "shift_x", "ty"),
        ({"width_shift_range": 4}, "shift_x", "ty"),
        ({"width_shift_range": (1, 5)}, "shift_x", "ty"),
        ({"width_shift_range": (0.1, 0.2)}, "shift_x", "ty"),
    ],
)
def test_parameters_are_distributed_as_the_generators(fields, mine, theirs):
    affine, parameters = drawn_parameters(fields)
    ours, reference = getattr(affine, mine).numpy(), parameters[theirs]
    if len(np.unique(reference)) > 20:
        quantiles = np.linspace(0.02, 0.98, 25)
        np.testing.assert_allclose(
            np.quantile(ours, quantiles), np.quantile(reference, quantiles), atol=0.12 * reference.std()
        )
    else:
        (values, counts), (known, expected) = (np.unique(v.round(4), return_counts=True) for v in (ours, reference))
        np.testing.assert_allclose(values, known)
        np.testing.assert_allclose(counts, expected, rtol=0.15)


def test_half_of_the_images_are_flipped():
    affine, _ = drawn_parameters({"horizontal_flip": True})
    assert (affine.flip_x.numpy() == -1).mean() == pytest.approx(0.5, abs=0.03)


def test_random_crops_reach_every_place():
    affine, _ = drawn_parameters({})
    assert affine.shift_x == 0.0
    from kerasclf.pipeline import draws

    numbers = draws.uniform(draws.AUGMENT, 0, EPOCH, tf.range(2000, dtype=tf.int64), len(SLOTS))
    drawn = dict(zip(SLOTS, tf.unstack(numbers, axis=1), strict=True))
    shifts = draw_affine(Augmentation(random_crop_padding=4), drawn, (32, 32, 3)).shift_x.numpy()
    assert sorted(set(shifts)) == list(range(-4, 5))


def test_grey_images_are_augmented_too():
    grey = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)
    assert augmented(grey, rand_augment_ops=3, random_erasing=0.5).shape == grey.shape
