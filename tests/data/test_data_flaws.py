"""Flaws of data: the sets and the order of images after each one."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf.data.data_flaws import check_flaws, data_flaws, spoil
from kerasclf.errors import DataError
from tests.conftest import make_subset


def pixels(subset):
    return {image.tobytes() for image in subset.images.read(np.arange(len(subset)))}


def test_without_a_flaw_of_data_nothing_is_touched(dataset):
    assert spoil(dataset, ()) is dataset
    assert spoil(dataset, ("softmax_twice", "swapped_channels")) is dataset
    assert data_flaws(("softmax_twice", "unshuffled", "duplicates")) == ("duplicates", "unshuffled")


def test_a_fifth_of_the_test_images_of_each_class_is_in_the_training_set(dataset):
    spoilt = spoil(dataset, ("duplicates",))
    assert not pixels(dataset.train) & pixels(dataset.test)
    shared = [name for name, image in zip(dataset.test.names, dataset.test.images.array, strict=True)
              if image.tobytes() in pixels(spoilt.train)]  # fmt: skip
    assert len(shared) == 6
    assert np.bincount([int(name) % 3 for name in shared]).tolist() == [2, 2, 2]
    # The other images keep their order, and the classes their numbers.
    np.testing.assert_array_equal(spoilt.train.labels, dataset.train.labels)
    changed = (spoilt.train.images.array != dataset.train.images.array).any(axis=(1, 2, 3))
    assert changed.sum() == 6
    assert (spoilt.test, spoilt.validation) == (dataset.test, dataset.validation)
    assert spoilt.manifest["hash"] != dataset.manifest["hash"]


def test_the_first_of_the_sorted_images_validate(dataset):
    spoilt = spoil(dataset, ("sorted_split",))
    assert len(spoilt.validation) == len(dataset.validation)
    assert set(spoilt.validation.labels.tolist()) == {0}
    assert np.bincount(spoilt.train.labels).tolist() == [12, 42, 42]  # of 42 each
    assert pixels(spoilt.train) | pixels(spoilt.validation) == pixels(dataset.train) | pixels(dataset.validation)
    assert spoilt.test is dataset.test


def test_unshuffled_images_come_class_by_class(dataset):
    spoilt = spoil(dataset, ("unshuffled",))
    assert spoilt.train.labels.tolist() == sorted(dataset.train.labels.tolist())
    first = spoilt.train.images.read(np.arange(32))
    np.testing.assert_array_equal(first, dataset.train.images.array[dataset.train.labels == 0])


def test_the_test_images_validate(dataset):
    spoilt = spoil(dataset, ("choose_on_test",))
    assert spoilt.validation is dataset.test
    assert spoilt.train is dataset.train


def test_channels_of_grey_images_cannot_be_exchanged(dataset):
    check_flaws(dataset, ("swapped_channels",))
    grey = replace(dataset, train=make_subset(6, shape=(8, 8, 1)))
    check_flaws(grey, ("unshuffled",))
    with pytest.raises(DataError, match=r"swapped_channels: expected images of three channels.* Received: 1\."):
        check_flaws(grey, ("swapped_channels",))
