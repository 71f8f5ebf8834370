"""The order of an epoch: oversampled classes are equally large, and every image of a class appears equally often."""

import numpy as np
import tensorflow as tf

from kerasclf import Augmentation
from kerasclf.data import ArrayImages, Subset
from kerasclf.pipeline.batches import Epoch, training_batches
from kerasclf.pipeline.epoch_order import balanced_length, make_order

# 7, 2 and 1 images of three classes; class 2 has none.
LABELS = np.array([0, 0, 1, 0, 3, 0, 0, 1, 0, 0])


def appearances(number=0, seed=0):
    order = make_order("balanced", LABELS, seed)
    found = order.of_epoch(tf.constant(number, tf.int64)).numpy()
    assert len(found) == order.places == balanced_length(LABELS) == 21
    return found


def test_every_class_appears_as_often_as_the_largest():
    found = appearances() % len(LABELS)
    assert np.bincount(LABELS[found]).tolist() == [7, 7, 0, 7]
    counts = np.bincount(found, minlength=len(LABELS))
    assert counts[LABELS == 0].tolist() == [1] * 7
    assert sorted(counts[LABELS == 1]) == [3, 4]
    assert counts[4] == 7


def test_each_appearance_of_an_image_has_a_number_of_its_own():
    found = appearances()
    assert len(set(found)) == 21
    assert sorted(found[found % 10 == 4]) == [4 + 10 * k for k in range(7)]


def test_the_order_is_a_function_of_seed_and_epoch():
    np.testing.assert_array_equal(appearances(3), appearances(3))
    assert (appearances(3) != appearances(4)).any()
    assert (appearances(3) != appearances(3, seed=1)).any()
    # The image that appears once more is drawn anew.
    more = {np.bincount(appearances(number) % 10, minlength=10)[[2, 7]].argmax() for number in range(8)}
    assert more == {0, 1}


def test_repeated_images_are_augmented_differently():
    images = np.tile(np.array([0, 255], np.uint8).reshape(1, 1, 2, 1), (10, 1, 1, 1))
    subset = Subset(ArrayImages(images), LABELS, tuple("abcdefghij"))
    batches = training_batches(subset, 4, 8, Augmentation(horizontal_flip=True), 0, Epoch(), "balanced")
    images, labels = (np.concatenate(values) for values in zip(*batches.as_numpy_iterator(), strict=True))
    assert int(batches.cardinality()) == 3
    flipped = images[labels.argmax(axis=1) == 3, 0, 0, 0] == 255
    assert len(flipped) == 7
    assert 0 < flipped.sum() < 7


def test_repeated_images_take_the_cached_versions_in_turn():
    """Two versions of each image: 0 to 9, then 10 to 19."""
    rows = np.arange(20, dtype=np.uint8)[:, None, None, None]
    subset = Subset(ArrayImages(rows), np.tile(LABELS, 2), tuple(map(str, range(20))))
    batches = training_batches(subset, 4, 21, Augmentation(), 0, Epoch(), "balanced", views=2)
    found = next(batches.as_numpy_iterator())[0].ravel()
    assert (found == 4).sum() + (found == 14).sum() == 7
    assert {int((found == 4).sum()), int((found == 14).sum())} == {3, 4}
