"""Flaws of data: the sets and the order of images after each one."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf.data.data_flaws import check_flaws, data_flaws, spoil
from kerasclf.data.dataset import SETS
from kerasclf.data.image_sources import ArrayRows
from kerasclf.data.leaks import leaked_test_images
from kerasclf.errors import DataError
from kerasclf.flaws import NEAR_COPIES
from tests.conftest import make_subset


def pixels(subset):
    return {image.tobytes() for image in subset.images.read(np.arange(len(subset)))}


def test_without_a_flaw_of_data_nothing_is_touched(dataset):
    assert spoil(dataset, ()) is dataset
    assert spoil(dataset, ("softmax_twice", "swapped_channels")) is dataset
    assert data_flaws(("softmax_twice", "unshuffled", "duplicates")) == ("duplicates", "unshuffled")


def test_a_fifth_of_the_test_images_of_each_class_is_in_the_training_set(dataset):
    spoilt = spoil(dataset, ("duplicates",), seed=5)
    assert not pixels(dataset.train) & pixels(dataset.test)
    shared = [name for name, image in zip(dataset.test.names, dataset.test.images.array, strict=True)
              if image.tobytes() in pixels(spoilt.train)]  # fmt: skip
    assert len(shared) == 6
    assert np.bincount([int(name) % 3 for name in shared]).tolist() == [2, 2, 2]
    leaked = leaked_test_images(dataset.test.labels, ("duplicates",), seed=5)
    assert shared == [dataset.test.names[index] for index in np.flatnonzero(leaked)]
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


def test_one_half_of_the_test_images_validates(dataset):
    spoilt = spoil(dataset, ("choose_on_half",), seed=5)
    leaked = leaked_test_images(dataset.test.labels, ("choose_on_half",), seed=5)
    assert spoilt.validation.names == tuple(np.array(dataset.test.names)[leaked])
    assert (spoilt.train, spoilt.test) == (dataset.train, dataset.test)


def test_near_copies_of_a_fifth_of_the_test_images_are_in_the_training_set(dataset):
    spoilt = spoil(dataset, ("group_leak",), seed=5)
    leaked = leaked_test_images(dataset.test.labels, ("group_leak",), seed=5)
    changed = (spoilt.train.images.array != dataset.train.images.array).any(axis=(1, 2, 3))
    added = spoilt.train.take(np.flatnonzero(changed))
    sources = [name.split(" (near-copy ")[0] for name in added.names]
    assert sorted(sources) == sorted(2 * [dataset.test.names[index] for index in np.flatnonzero(leaked)])
    assert [dataset.test.labels[int(name)] for name in sources] == added.labels.tolist()
    np.testing.assert_array_equal(spoilt.train.labels, dataset.train.labels)
    # No hash finds them.
    assert not set(spoilt.train.keys) & set(dataset.test.keys)
    assert (spoilt.test, spoilt.validation) == (dataset.test, dataset.validation)


def test_near_copies_keep_the_groups_of_their_images(dataset):
    sets = {name: dataset.subset(name) for name in SETS}
    grouped = {name: replace(one, groups=tuple(f"{name} {i}" for i in one.names)) for name, one in sets.items()}
    spoilt = spoil(replace(dataset, **grouped), ("group_leak",), seed=5)
    copies = [i for i, name in enumerate(spoilt.train.names) if "near-copy" in name]
    assert len(copies) == 6 * NEAR_COPIES
    assert {spoilt.train.groups[i] for i in copies} <= set(grouped["test"].groups)
    kept = [i for i in range(len(spoilt.train)) if i not in copies]
    assert [spoilt.train.groups[i] for i in kept] == [grouped["train"].groups[i] for i in kept]


def test_channels_are_exchanged_in_the_test_images_alone(dataset):
    spoilt = spoil(dataset, ("swapped_when_served",))
    np.testing.assert_array_equal(spoilt.test.images.array, dataset.test.images.array[..., ::-1])
    assert (spoilt.test.names, spoilt.train, spoilt.validation) == (
        dataset.test.names, dataset.train, dataset.validation,
    )  # fmt: skip


def test_all_reasons_against_flaws_are_named_at_once(dataset):
    lone = replace(dataset, test=dataset.test.take(np.array([0, 1, 3])))  # two images of dark, one of middle
    with pytest.raises(DataError) as raised:
        check_flaws(lone, ("choose_on_half", "duplicates"))
    assert "choose_on_half: expected at least 2 test images of each class, for two halves." in str(raised.value)
    assert "Received: 'middle' has 1, 'light' has 0." in str(raised.value)
    assert "duplicates: expected a class of at least 3 test images, to copy one. Received: none." in str(raised.value)


def test_a_class_keeps_training_images_of_its_own(dataset):
    small = replace(dataset, train=dataset.train.take(np.arange(12)))  # 4 of each class
    check_flaws(small, ("duplicates",))
    with pytest.raises(DataError, match=r"copies of test images\. Received: 'dark' has 4 for 4, 'middle' has 4 for 4"):
        check_flaws(small, ("group_leak",))


def test_rows_of_a_table_have_no_near_copies(dataset):
    rows = ArrayRows(np.zeros((6, 1, 1, 4), np.float32))
    table = replace(dataset, train=replace(make_subset(6, shape=(1, 1, 3)), images=rows))
    with pytest.raises(DataError, match="group_leak: expected images, of which there can be near-copies"):
        check_flaws(table, ("group_leak",))


def test_channels_of_grey_images_cannot_be_exchanged(dataset):
    check_flaws(dataset, ("swapped_channels",))
    grey = replace(dataset, train=make_subset(6, shape=(8, 8, 1)))
    check_flaws(grey, ("unshuffled",))
    with pytest.raises(DataError, match=r"swapped_channels: expected images of three channels.* Received: 1\."):
        check_flaws(grey, ("swapped_channels",))
