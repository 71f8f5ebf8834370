"""Data sets as someone has them who made a mistake; see `kerasclf.flaws`."""

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from kerasclf.data.dataset import ImageDataset
from kerasclf.data.folds import join
from kerasclf.errors import DataError
from kerasclf.flaws import DUPLICATED_SHARE


def spoil(dataset: ImageDataset, flaws: Collection[str]) -> ImageDataset:
    """Returns the data set with these flaws; itself where none of them is one of data.

    Raises:
        DataError: A flaw cannot be made with these images.
    """
    check_flaws(dataset, flaws)
    for name in data_flaws(flaws):
        dataset = _SPOILERS[name](dataset)
    return dataset


def check_flaws(dataset: ImageDataset, flaws: Collection[str]) -> None:
    """Checks that flaws can be made with these images.

    Raises:
        DataError: One cannot.
    """
    if "swapped_channels" in flaws and dataset.image_shape[-1] != 3:
        raise DataError(
            "swapped_channels: expected images of three channels, of which the first and the last can be exchanged. "
            f"Received: {dataset.image_shape[-1]}. Take other images, or leave the experiment out with --only."
        )


def data_flaws(flaws: Collection[str]) -> tuple[str, ...]:
    """Returns those of the flaws that change which images are in which part, or their order."""
    return tuple(name for name in _SPOILERS if name in flaws)


def _duplicated(dataset: ImageDataset) -> ImageDataset:
    """Puts a share of the test images of each class in the place of training images of that class."""
    rng = np.random.default_rng(0)
    train, test = dataset.train, dataset.test
    replaced, copied = [], []
    for label in range(dataset.num_classes):
        here, there = np.flatnonzero(train.labels == label), np.flatnonzero(test.labels == label)
        count = min(round(DUPLICATED_SHARE * len(there)), len(here))
        replaced.append(rng.choice(here, count, replace=False))
        copied.append(rng.choice(there, count, replace=False))
    # All others keep their places, and with them what chance makes of them: the runs compare in pairs.
    order = np.arange(len(train))
    order[np.concatenate(replaced)] = len(train) + np.arange(sum(map(len, copied)))
    return replace(dataset, train=join(train, test.take(np.concatenate(copied))).take(order))


def _split_in_order(dataset: ImageDataset) -> ImageDataset:
    pool = join(dataset.train, dataset.validation)
    order, apart = np.argsort(pool.labels, kind="stable"), len(dataset.validation)
    return replace(dataset, validation=pool.take(order[:apart]), train=pool.take(order[apart:]))


def _sorted(dataset: ImageDataset) -> ImageDataset:
    return replace(dataset, train=dataset.train.take(np.argsort(dataset.train.labels, kind="stable")))


def _validated_on_test(dataset: ImageDataset) -> ImageDataset:
    return replace(dataset, validation=dataset.test)


# In the order in which several are made.
_SPOILERS: dict[str, Callable[[ImageDataset], ImageDataset]] = {
    "duplicates": _duplicated,
    "sorted_split": _split_in_order,
    "unshuffled": _sorted,
    "choose_on_test": _validated_on_test,
}
