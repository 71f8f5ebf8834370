"""Puts known flaws into a data set, to measure their effect; see `kerasclf.flaws`."""

import functools
from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np

from kerasclf.data.dataset import ImageDataset, Subset, class_counts
from kerasclf.data.folds import join
from kerasclf.data.image_sources import ArrayImages
from kerasclf.data.leaks import leaked_test_images, near_copies
from kerasclf.errors import DataError, listed, shortened
from kerasclf.flaws import NEAR_COPIES


def spoil(dataset: ImageDataset, flaws: Collection[str], seed: int = 0) -> ImageDataset:
    """Returns the data set with these flaws; the same object if none of them concerns data.

    Args:
        dataset: The sound data set.
        flaws: Names from `kerasclf.flaws.FLAWS`.
        seed: Seed of the split. It also chooses the test images that leak.

    Raises:
        DataError: If a flaw needs other images.
    """
    check_flaws(dataset, flaws)
    for name in data_flaws(flaws):
        dataset = _SPOILERS[name](dataset, seed)
    return dataset


def check_flaws(dataset: ImageDataset, flaws: Collection[str]) -> None:
    """Checks that these images allow the flaws.

    Raises:
        DataError: If a flaw needs other images; the message names all reasons.
    """
    problems = [problem for name in flaws if name in _CHECKS for problem in _CHECKS[name](dataset, name)]
    if problems:
        problems[-1] += " Give other images as `data`, or name the other experiments as `only`."
        raise DataError(problems[0] if len(problems) == 1 else listed("These images do not allow the flaws", problems))


def data_flaws(flaws: Collection[str]) -> tuple[str, ...]:
    """Returns the flaws that change the sets, their images or the order of these."""
    return tuple(name for name in _SPOILERS if name in flaws)


def flaws_beyond_data(flaws: Collection[str]) -> list[str]:
    """Returns the other flaws, in their order."""
    return [name for name in flaws if name not in _SPOILERS]


def _check_channels(dataset: ImageDataset, name: str) -> list[str]:
    channels = dataset.image_shape[-1]
    if channels == 3:
        return []
    return [f"{name}: expected images of three channels, to exchange the first and the last. Received: {channels}."]


def _check_halves(dataset: ImageDataset, name: str) -> list[str]:
    counts = class_counts(dataset.test.labels, dataset.num_classes)
    few = [f"{dataset.class_names[label]!r} has {counts[label]}" for label in np.flatnonzero(counts < 2)]
    if not few:
        return []
    return [f"{name}: expected at least 2 test images of each class, for two halves. Received: {_joined(few)}."]


def _check_copies(dataset: ImageDataset, name: str) -> list[str]:
    """Checks that some test images leak, and that each class keeps training images of its own."""
    if dataset.is_table and name == "group_leak":
        return [f"{name}: expected images, of which there can be near-copies. Received: rows of a table."]
    labels = dataset.test.labels
    leaked = labels[leaked_test_images(labels, (name,), seed=0)]
    if not len(leaked):
        return [f"{name}: expected a class of at least 3 test images, to copy one. Received: none."]
    copies = class_counts(leaked, dataset.num_classes) * (NEAR_COPIES if name == "group_leak" else 1)
    counts = class_counts(dataset.train.labels, dataset.num_classes)
    few = [
        f"{dataset.class_names[label]!r} has {counts[label]} for {copies[label]}"
        for label in np.flatnonzero(copies >= np.maximum(counts, 1))
    ]
    if not few:
        return []
    return [
        f"{name}: expected more training images of each class than copies of test images. Received: {_joined(few)}."
    ]


def _joined(classes: list[str]) -> str:
    return ", ".join(shortened(classes))


def _duplicated(dataset: ImageDataset, seed: int) -> ImageDataset:
    """Replaces training images by a share of the test images, class by class."""
    return _with_in_train(dataset, _leaked(dataset, "duplicates", seed), seed)


def _grouped(dataset: ImageDataset, seed: int) -> ImageDataset:
    """Replaces training images by near-copies of a share of the test images, class by class."""
    leaked = _leaked(dataset, "group_leak", seed)
    copies = [near_copies(leaked, number) for number in range(1, NEAR_COPIES + 1)]
    return _with_in_train(dataset, functools.reduce(join, copies), seed)


def _leaked(dataset: ImageDataset, name: str, seed: int) -> Subset:
    return dataset.test.take(np.flatnonzero(leaked_test_images(dataset.test.labels, (name,), seed)))


def _with_in_train(dataset: ImageDataset, added: Subset, seed: int) -> ImageDataset:
    """Replaces as many random training images of each class by the added ones."""
    rng, train = np.random.default_rng(seed), dataset.train
    # The other images keep their index, and with it their order and augmentation: runs compare in pairs.
    order = np.arange(len(train))
    for label in np.unique(added.labels):
        in_train, new = np.flatnonzero(train.labels == label), np.flatnonzero(added.labels == label)
        order[rng.choice(in_train, len(new), replace=False)] = len(train) + new
    return replace(dataset, train=join(train, added).take(order))


def _split_in_order(dataset: ImageDataset, seed: int) -> ImageDataset:
    pool = join(dataset.train, dataset.validation)
    order, count = np.argsort(pool.labels, kind="stable"), len(dataset.validation)
    return replace(dataset, validation=pool.take(order[:count]), train=pool.take(order[count:]))


def _sorted(dataset: ImageDataset, seed: int) -> ImageDataset:
    return replace(dataset, train=dataset.train.take(np.argsort(dataset.train.labels, kind="stable")))


def _validated_on_test(dataset: ImageDataset, seed: int) -> ImageDataset:
    return replace(dataset, validation=dataset.test)


def _validated_on_half(dataset: ImageDataset, seed: int) -> ImageDataset:
    return replace(dataset, validation=_leaked(dataset, "choose_on_half", seed))


def _served_with_swapped_channels(dataset: ImageDataset, seed: int) -> ImageDataset:
    images = dataset.test.images.read(np.arange(len(dataset.test)))
    swapped = ArrayImages(np.ascontiguousarray(images[..., ::-1]))
    return replace(dataset, test=replace(dataset.test, images=swapped))


# Several flaws are applied in this order: the last one changes the test images.
_SPOILERS: dict[str, Callable[[ImageDataset, int], ImageDataset]] = {
    "duplicates": _duplicated,
    "group_leak": _grouped,
    "sorted_split": _split_in_order,
    "unshuffled": _sorted,
    "choose_on_test": _validated_on_test,
    "choose_on_half": _validated_on_half,
    "swapped_when_served": _served_with_swapped_channels,
}

# Flaw → finds the reasons why it cannot be put into a data set.
_CHECKS: dict[str, Callable[[ImageDataset, str], list[str]]] = {
    "swapped_channels": _check_channels,
    "swapped_when_served": _check_channels,
    "choose_on_half": _check_halves,
    "duplicates": _check_copies,
    "group_leak": _check_copies,
}
