"""The form of every data set: its description."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf.data import load_dataset
from kerasclf.errors import KerasclfError


def test_a_description_names_the_sizes_and_the_classes(dataset):
    assert dataset.describe() == [
        "data: grey levels, 3 classes, 32x32x3; 96 train, 30 validation, 30 test",
        "images per class: dark 52, middle 52, light 52",
    ]


def test_of_many_classes_the_largest_and_the_smallest_are_named(dataset):
    labels = [*range(12)] * 7 + [0] * 12
    train = replace(dataset.train, labels=dataset.train.labels * 0 + labels)
    many = replace(dataset, class_names=tuple("abcdefghijkl"), train=train)
    assert many.describe()[1] == "images per class: a 39, b 27, c 27, d 7, e 7, ..., h 7, i 7, j 7, k 7, l 7"


def test_a_subset_has_groups_of_all_images_or_of_none(dataset):
    with pytest.raises(ValueError, match=r"a group of each image, or no groups\. Received: 96 images, 2 groups"):
        replace(dataset.train, groups=("a", "b"))


def test_rows_of_a_table_have_features():
    assert load_dataset("iris").describe()[0].startswith("data: iris, 3 classes, 4 features; ")


def test_a_preview_has_a_row_of_training_images_for_each_class(dataset):
    figure = dataset.preview(per_class=3, classes=2)
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert [axes.texts[0].get_text() for axes in figure.axes[::3]] == ["dark", "middle"]
    first = [np.flatnonzero(dataset.train.labels == label)[:3] for label in (0, 1)]
    np.testing.assert_array_equal(shown, dataset.train.images.read(np.concatenate(first)))


def test_a_preview_refuses_tables_and_numbers_that_no_page_holds(dataset):
    with pytest.raises(KerasclfError, match=r"Expected a data set of images\. Received: iris, a table\."):
        load_dataset("iris").preview()
    with pytest.raises(KerasclfError) as caught:
        dataset.preview(per_class=0, classes=31)
    assert "per_class: expected 1 to 16. Received: 0." in str(caught.value)
    assert "classes: expected 1 to 30. Received: 31." in str(caught.value)
