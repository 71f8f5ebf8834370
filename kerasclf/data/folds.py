"""K-fold cross-validation over all images outside the test set."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from kerasclf.data.dataset import ImageDataset, Subset, class_counts
from kerasclf.data.groups import Indices, fold_numbers
from kerasclf.data.image_sources import ArrayImages, FileImages, ImageSource, in_memory
from kerasclf.errors import DataError
from kerasclf.wording import counted


def kfold(dataset: ImageDataset, folds: int, seed: int = 0) -> Iterator[ImageDataset]:
    """Yields `folds` versions of a data set. Each image outside the test set is in exactly one validation set.

    The folds are stratified and seeded. All versions share the test set. Images of one group are in one fold.

    Args:
        dataset: The data set; its training and validation images are divided anew.
        folds: Number of folds.
        seed: Seed of the shuffle.

    Raises:
        DataError: If a class has fewer images than there are folds.
    """
    pool = join(dataset.train, dataset.validation)
    counts = class_counts(pool.labels, dataset.num_classes)
    if not 2 <= folds <= counts.min():
        scarce = dataset.class_names[int(counts.argmin())]
        raise DataError(
            f"folds: expected 2 to {counts.min()}, as class {scarce!r} has {counted(counts.min(), 'image')} outside "
            f"the test set. Received: {folds}."
        )
    numbers = fold_numbers(pool.labels, pool.groups, folds, seed)
    _check_folds(numbers, pool.labels, dataset.class_names, folds)
    for number in range(folds):
        train, validation = np.flatnonzero(numbers != number), np.flatnonzero(numbers == number)
        yield replace(dataset, train=pool.take(train), validation=pool.take(validation))


def _check_folds(numbers: Indices, labels: Indices, class_names: Sequence[str], folds: int) -> None:
    """Checks that each fold and the other folds together have images of every class."""
    for number in range(folds):
        for side in (numbers == number, numbers != number):
            missing = np.flatnonzero(class_counts(labels[side], len(class_names)) == 0)
            if len(missing):
                raise DataError(
                    f"folds: expected groups of class {class_names[missing[0]]!r} for each fold. Received: {folds} "
                    "folds and too few groups of that class. Give fewer folds."
                )


def join(one: Subset, other: Subset) -> Subset:
    """Returns the images of two subsets as one, in order."""
    labels = np.concatenate([one.labels, other.labels])
    return Subset(_join_images(one.images, other.images), labels, one.names + other.names, one.groups + other.groups)


def all_images(dataset: ImageDataset) -> Subset:
    """Returns the training, validation and test sets as one set."""
    return join(join(dataset.train, dataset.validation), dataset.test)


def _join_images(one: ImageSource, other: ImageSource) -> ImageSource:
    if isinstance(one, FileImages) and isinstance(other, FileImages):
        return replace(one, paths=one.paths + other.paths, keys=one.keys + other.keys)
    if isinstance(one, ArrayImages) and isinstance(other, ArrayImages):
        keys = one.keys + other.keys if one.keys and other.keys else ()
        return replace(one, array=np.concatenate([one.array, other.array]), keys=keys)
    arrays = [source.read(np.arange(len(source))) for source in (one, other)]
    return in_memory(np.concatenate(arrays))
