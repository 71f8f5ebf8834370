"""Which of a data set's images one run sees: a fold, the training images with the validation images, no test part."""

from dataclasses import dataclass, replace
from typing import Literal

from kerasclf.data.dataset import ImageDataset
from kerasclf.data.folds import join, kfold
from kerasclf.values import Value


@dataclass(frozen=True)
class View(Value):
    """What a run sees of a data set, where it does not see its three parts as they are.

    Args:
        fold: Which of `folds` validates, from 1; None keeps the data set's own validation part.
        folds: Into how many folds all images outside the test part are divided.
        fold_seed: Decides the folds.
        joined: Whether the network is trained on the validation images, too; its validation figures then mean nothing.
        reports_on: The part that is predicted at the run's end. With `"validation"` the test part is taken away, so
            that nothing of it can be looked at.
    """

    fold: int | None = None
    folds: int = 0
    fold_seed: int = 0
    joined: bool = False
    reports_on: Literal["validation", "test"] = "validation"

    def problems(self) -> list[str]:
        found = []
        if self.fold is not None and not 1 <= self.fold <= self.folds:
            found.append(f"fold: expected 1 to {self.folds}. Received: {self.fold}.")
        if self.fold is not None and self.joined:
            found.append("joined: a fold's training and validation images are not joined.")
        return found

    def of(self, dataset: ImageDataset) -> ImageDataset:
        """Returns the data set as it is seen.

        Raises:
            DataError: A class has fewer images than there are folds.
        """
        if self.fold is not None:
            dataset = list(kfold(dataset, self.folds, self.fold_seed))[self.fold - 1]
        if self.joined:
            dataset = replace(dataset, train=join(dataset.train, dataset.validation))
        return replace(dataset, test=dataset.validation) if self.reports_on == "validation" else dataset
