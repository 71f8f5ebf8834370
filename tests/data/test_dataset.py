"""The form of every data set: its description."""

from dataclasses import replace

from kerasclf.data import load_dataset


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


def test_rows_of_a_table_have_features():
    assert load_dataset("iris").describe()[0].startswith("data: iris, 3 classes, 4 features; ")
