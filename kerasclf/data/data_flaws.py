"""Puts known flaws into a data set, to measure their effect; see `kerasclf.flaws`."""

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from kerasclf.data.dataset import ImageDataset
from kerasclf.data.folds import join
from kerasclf.errors import DataError
from kerasclf.flaws import DUPLICATED_SHARE


def spoil(dataset: ImageDataset, flaws: Collection[str]) -> ImageDataset:
    """Returns the data set with these flaws; the same object if none of them concerns data.

    Args:
        dataset: The sound data set.
        flaws: Names from `kerasclf.flaws.FLAWS`.

    Raises:
        DataError: If a flaw needs other images.
    """
    check_flaws(dataset, flaws)
    for name in data_flaws(flaws):
        dataset = _SPOILERS[name](dataset)
    return dataset


def check_flaws(dataset: ImageDataset, flaws: Collection[str]) -> None:
    """Checks that these images allow the flaws.

    Raises:
        DataError: If a flaw needs other images.
    """
    if "swapped_channels" in flaws and dataset.image_shape[-1] != 3:
        raise DataError(
            "swapped_channels: expected images of three channels, to exchange the first and the last. Received: "
            f"{dataset.image_shape[-1]}. Give other images as `data`, or name the other experiments as `only`."
        )


def data_flaws(flaws: Collection[str]) -> tuple[str, ...]:
    """Returns the flaws that change the sets or the order of their images."""
    return tuple(name for name in _SPOILERS if name in flaws)


def _duplicated(dataset: ImageDataset) -> ImageDataset:
    """Replaces training images by a share of the test images, class by class."""
    rng = np.random.default_rng(0)
    train, test = dataset.train, dataset.test
    replaced, copied = [], []
    for label in range(dataset.num_classes):
        in_train, in_test = np.flatnonzero(train.labels == label), np.flatnonzero(test.labels == label)
        count = min(round(DUPLICATED_SHARE * len(in_test)), len(in_train))
        replaced.append(rng.choice(in_train, count, replace=False))
        copied.append(rng.choice(in_test, count, replace=False))
    # The other images keep their index, and with it their order and augmentation: runs compare in pairs.
    order = np.arange(len(train))
    order[np.concatenate(replaced)] = len(train) + np.arange(sum(map(len, copied)))
    return replace(dataset, train=join(train, test.take(np.concatenate(copied))).take(order))


def _split_in_order(dataset: ImageDataset) -> ImageDataset:
    pool = join(dataset.train, dataset.validation)
    order, count = np.argsort(pool.labels, kind="stable"), len(dataset.validation)
    return replace(dataset, validation=pool.take(order[:count]), train=pool.take(order[count:]))


def _sorted(dataset: ImageDataset) -> ImageDataset:
    return replace(dataset, train=dataset.train.take(np.argsort(dataset.train.labels, kind="stable")))


def _validated_on_test(dataset: ImageDataset) -> ImageDataset:
    return replace(dataset, validation=dataset.test)


# Several flaws are applied in this order.
_SPOILERS: dict[str, Callable[[ImageDataset], ImageDataset]] = {
    "duplicates": _duplicated,
    "sorted_split": _split_in_order,
    "unshuffled": _sorted,
    "choose_on_test": _validated_on_test,
}
