"""The shares of several workers make up each batch, whatever its size."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis.strategies import integers

from kerasclf import Augmentation
from kerasclf.data import ArrayImages, Subset
from kerasclf.pipeline.batches import Epoch, evaluation_batches, training_batches
from kerasclf.pipeline.shares import WHOLE, Share


def test_each_position_is_in_one_share_and_each_batch_of_a_share_in_one_batch():
    for count, batch, workers in itertools.product(range(1, 25), range(1, 9), range(1, 5)):
        parts = [Share(index, workers).positions(count, batch) for index in range(workers)]
        assert sorted(np.concatenate(parts)) == list(range(count))
        for index, part in enumerate(parts):
            size = Share(index, workers).size(batch)
            for number, start in enumerate(range(0, len(part), size or 1)):
                assert set(part[start : start + size] // batch) == {number}


def test_a_larger_batch_never_has_a_smaller_share():
    for index, workers in ((0, 3), (1, 3), (2, 3), (3, 4)):
        sizes = [Share(index, workers).size(batch) for batch in range(30)]
        assert sizes == sorted(sizes)


def test_whole_batches_are_unchanged():
    assert WHOLE.positions(5, 2).tolist() == [0, 1, 2, 3, 4] and WHOLE.size(7) == 7


def subset_of(count):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), np.uint8)
    return Subset(ArrayImages(images), np.arange(count) % 3, tuple(map(str, range(count))))


@pytest.mark.parametrize(
    ("augmentation", "order"),
    [(Augmentation(horizontal_flip=True), "shuffled"), (Augmentation(mix_up=0.4), "balanced")],
)
def test_the_shares_of_a_batch_are_the_batch(augmentation, order):
    subset = subset_of(11)

    def batches(share):
        found = training_batches(subset, 3, 4, augmentation, 5, Epoch(number=1), order, share=share)
        return [tuple(map(np.asarray, batch)) for batch in found]

    whole, *parts = (batches(share) for share in (WHOLE, Share(0, 2), Share(1, 2)))
    assert len(whole) == len(parts[0]) == len(parts[1]) == 3
    for batch, *shares in zip(whole, *parts, strict=True):
        for values, *divided in zip(batch, *shares, strict=True):
            np.testing.assert_array_equal(values, np.concatenate(divided))


def images_of(batches):
    """Returns the numbers of the images of some batches, which their pixels hold, and the labels as numbers."""
    found = [(images[:, 0, 0, 0], labels.argmax(1)) for images, labels in batches.as_numpy_iterator()]
    return [np.concatenate(parts) for parts in zip(*found, strict=True)]


def numbered(count):
    images = np.broadcast_to(np.arange(count, dtype=np.uint8)[:, None, None, None], (count, 2, 2, 1))
    return Subset(ArrayImages(images.copy()), np.arange(count) % 3, tuple(map(str, range(count))))


SIZES = {"count": integers(1, 60), "batch_size": integers(1, 20), "workers": integers(1, 4)}


def assume_images_for_all(count, batch_size, workers):
    """Other sizes are refused before the training: see `check_shares`."""
    assume(workers <= min(count, batch_size, count % batch_size or batch_size))


@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(**SIZES, seed=integers(0, 1000), epoch=integers(0, 3))
def test_every_image_is_counted_once_per_epoch(count, batch_size, workers, seed, epoch):
    """Of sizes that do not divide: the shares of an epoch hold every image once, with its own label."""
    assume_images_for_all(count, batch_size, workers)
    subset, seen, labels = numbered(count), [], []
    for share in (Share(index, workers) for index in range(workers)):
        batches = training_batches(subset, 3, batch_size, Augmentation(), seed, Epoch(epoch), share=share)
        images, targets = images_of(batches)
        seen, labels = [*seen, *images], [*labels, *targets]
    assert sorted(seen) == list(range(count))
    assert [number % 3 for number in seen] == labels


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(**SIZES)
def test_every_image_is_counted_once_per_evaluation(count, batch_size, workers):
    assume_images_for_all(count, batch_size, workers)
    subset, seen = numbered(count), []
    for share in (Share(index, workers) for index in range(workers)):
        images, targets = images_of(evaluation_batches(subset, 3, batch_size, share))
        assert [number % 3 for number in images] == list(targets)
        seen += list(images)
    assert sorted(seen) == list(range(count))


def test_evaluation_counts_every_image_once():
    subset = subset_of(11)
    parts = [list(evaluation_batches(subset, 3, 4, Share(index, 3)).as_numpy_iterator()) for index in range(3)]
    for batches in zip(*parts, strict=True):
        assert all(len(images) for images, _ in batches[:2])
    found = np.concatenate([images for batches in zip(*parts, strict=True) for images, _ in batches])
    np.testing.assert_array_equal(found, subset.images.array)
