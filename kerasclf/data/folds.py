"""K-fold cross-validation over all images outside the test set."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from kerasclf.data.dataset import ImageDataset, Subset, class_counts
from kerasclf.data.image_sources import FileImages, ImageSource, in_memory
from kerasclf.errors import DataError
from kerasclf.wording import counted


def kfold(dataset: ImageDataset, folds: int, seed: int = 0) -> Iterator[ImageDataset]:
    """Yields `folds` versions of a data set. Each image outside the test set is in exactly one validation set.

    The folds are stratified and seeded. All versions share the test set.

    Args:
        dataset: The data set; its training and validation images are divided anew.
        folds: Number of folds.
        seed: Seed of the shuffle.

    Raises:
        DataError: If a class has fewer images than there are folds.
    """
    from sklearn.model_selection import StratifiedKFold  # takes a second to import

    pool = join(dataset.train, dataset.validation)
    counts = class_counts(pool.labels, dataset.num_classes)
    if not 2 <= folds <= counts.min():
        scarce = dataset.class_names[int(counts.argmin())]
        raise DataError(
            f"folds: expected 2 to {counts.min()}, as class {scarce!r} has {counted(counts.min(), 'image')} outside "
            f"the test set. Received: {folds}."
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    for train, validation in splitter.split(np.zeros(len(pool)), pool.labels):
        yield replace(dataset, train=pool.take(train), validation=pool.take(validation))


def join(one: Subset, other: Subset) -> Subset:
    """Returns the images of two subsets as one, in order."""
    labels = np.concatenate([one.labels, other.labels])
    return Subset(_join_images(one.images, other.images), labels, one.names + other.names)


def _join_images(one: ImageSource, other: ImageSource) -> ImageSource:
    if isinstance(one, FileImages) and isinstance(other, FileImages):
        return replace(one, paths=one.paths + other.paths, keys=one.keys + other.keys)
    arrays = [source.read(np.arange(len(source))) for source in (one, other)]
    return in_memory(np.concatenate(arrays))
