"""`View`: the images of a data set that one run sees."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from kerasclf.data.dataset import ImageDataset
from kerasclf.data.folds import all_images, join, kfold
from kerasclf.values import LATER, Value


@dataclass(frozen=True)
class View(Value):
    """The images that a run sees, if these are not the three sets unchanged.

    Args:
        fold: Number of the validation fold, from 1; None keeps the data set's own validation set.
        folds: Number of folds into which all images outside the test set are divided.
        fold_seed: Seed of the folds.
        joined: Whether to train on the validation images too. Validation metrics then mean nothing.
        reports_on: Set to predict at the end of the run. `"validation"` removes the test set, to keep it unseen.
        everything: Whether to train on all images, those of the test set too. The validation set and the test set are
            then empty: no image is left that the run has not seen.
    """

    fold: int | None = None
    folds: int = 0
    fold_seed: int = 0
    joined: bool = False
    reports_on: Literal["validation", "test"] = "validation"
    everything: bool = field(default=False, metadata=LATER)

    def problems(self) -> list[str]:
        found = []
        if self.fold is not None and not 1 <= self.fold <= self.folds:
            found.append(f"fold: expected 1 to {self.folds}. Received: {self.fold}.")
        if self.fold is not None and self.joined:
            found.append(f"joined: expected False with a fold. Received: {self.joined}.")
        if self.everything and (self.joined or self.fold is not None):
            found.append("everything: expected neither a fold nor `joined`.")
        return found

    def of(self, dataset: ImageDataset) -> ImageDataset:
        """Returns the data set that the run sees.

        Raises:
            DataError: If a class has fewer images than there are folds.
        """
        if self.everything:
            nothing = dataset.test.take(np.array([], np.int64))
            return replace(dataset, train=all_images(dataset), validation=nothing, test=nothing)
        if self.fold is not None:
            dataset = list(kfold(dataset, self.folds, self.fold_seed))[self.fold - 1]
        if self.joined:
            dataset = replace(dataset, train=join(dataset.train, dataset.validation))
        return replace(dataset, test=dataset.validation) if self.reports_on == "validation" else dataset
