"""Which images go to which part: seeded, stratified, written down."""

import math
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from kerasclf.data.dataset import class_counts
from kerasclf.errors import DataError
from kerasclf.values import LATER, Value

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Split(Value):
    """How images are divided where the data set does not divide them itself.

    Args:
        validation: Share of the training images that validate.
        test: Share of all images that is kept for the test, where the data set has no test part.
        method: `"stratified"` shuffles with `seed` and keeps the share in every class; `"first"` takes the
            first images as they come, as several published studies did.
        seed: Decides the shuffle; independent of the seed of a run, so that repeats share one split.
        train_per_class: At most so many images a class to train and validate with; None takes all.
        test_per_class: At most so many images a class to test with (and to validate with, where the data set
            has a validation part of its own); None takes all.
        fold: `(2, 5)`: of all images outside the test part, the second of five stratified folds validates, and the
            others train; None does not fold.
    """

    validation: float = 0.1
    test: float = 0.2
    method: Literal["stratified", "first"] = "stratified"
    seed: int = 0
    train_per_class: int | None = None
    test_per_class: int | None = None
    fold: tuple[int, int] | None = field(default=None, metadata=LATER)

    def problems(self) -> list[str]:
        found = [
            f"{name}: expected a share between 0 and 1. Received: {share}."
            for name, share in (("validation", self.validation), ("test", self.test))
            if not 0 < share < 1
        ]
        for name in ("train_per_class", "test_per_class"):
            most = getattr(self, name)
            if most is not None and most < 2:
                found.append(f"{name}: expected at least 2 images a class, or None. Received: {most}.")
        if self.fold is not None and not 1 <= self.fold[0] <= self.fold[1] >= 2:
            found.append(f"fold: expected (number, folds), such as (2, 5). Received: {self.fold}.")
        return found


class Divisible(Protocol):
    """What has labels and can be reduced to some of its images: a Subset, or a listing of files not yet read."""

    @property
    def labels(self) -> Indices: ...

    def take(self, indices: Indices) -> Self:
        """Returns the same for only the images at `indices`."""


T = TypeVar("T", bound=Divisible)


def make_sets(found: dict[str, T], split: Split, class_names: tuple[str, ...]) -> dict[str, T]:
    """Makes train, validation and test of what a data set has: "train" at least.

    The test part is divided off first; then both are limited; then validation is divided off.

    Raises:
        DataError: A class has too few images; the message names it.
    """
    sets = dict(found)
    if "test" not in sets:
        kept, apart = divide(sets["train"].labels, split.test, split, class_names)
        sets |= {"train": sets["train"].take(kept), "test": sets["train"].take(apart)}
    most = {"train": split.train_per_class, "validation": split.test_per_class, "test": split.test_per_class}
    sets = {name: subset.take(limit_per_class(subset.labels, most[name], split.seed)) for name, subset in sets.items()}
    if "validation" not in sets:
        kept, apart = divide(sets["train"].labels, split.validation, split, class_names)
        sets |= {"train": sets["train"].take(kept), "validation": sets["train"].take(apart)}
    return sets


def divide(labels: Indices, share: float, split: Split, class_names: tuple[str, ...]) -> tuple[Indices, Indices]:
    """Divides images by index into those that stay and a `share` that is set apart.

    Raises:
        DataError: A class would be missing on one of the two sides; the message names it.
    """
    everything = np.arange(len(labels))
    if split.method == "first":
        apart = round(share * len(labels))
        kept, taken = everything[apart:], everything[:apart]
    else:
        _check_divisible(labels, share, class_names)
        kept, taken = train_test_split(
            everything, test_size=share, stratify=labels, random_state=split.seed, shuffle=True
        )
        kept, taken = np.sort(kept), np.sort(taken)
    _check_every_class(labels, taken, split, class_names)
    return kept, taken


def limit_per_class(labels: Indices, most: int | None, seed: int) -> Indices:
    """Returns the indices of at most `most` images of each class, chosen by `seed`, in their old order."""
    if most is None:
        return np.arange(len(labels))
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    chosen = [shuffled[labels[shuffled] == label][:most] for label in np.unique(labels)]
    return np.sort(np.concatenate(chosen))


def _check_divisible(labels: Indices, share: float, class_names: tuple[str, ...]) -> None:
    counts = class_counts(labels, len(class_names))
    scarce = int(counts.argmin())
    if counts[scarce] < 2:
        raise DataError(
            f"Class {class_names[scarce]!r} has {counts[scarce]} image to divide; at least 2 are needed. "
            "Add images, or remove the class."
        )
    apart = math.ceil(share * len(labels))
    if min(apart, len(labels) - apart) < len(class_names):
        raise DataError(
            f"A share of {share:g} of {len(labels)} images cannot hold all {len(class_names)} classes. "
            "Add images, or ask for another share."
        )


def _check_every_class(labels: Indices, apart: Indices, split: Split, class_names: tuple[str, ...]) -> None:
    for side in (np.delete(labels, apart), labels[apart]):
        missing = np.flatnonzero(class_counts(side, len(class_names)) == 0)
        if len(missing):
            name = class_names[missing[0]]
            count = int((labels == missing[0]).sum())
            remedy = (
                "add images of that class or remove it"
                if split.method == "stratified"
                else "use the method 'stratified' (protocol 'sound')"
            )
            raise DataError(f"Of {count} images, class {name!r} would have none in one of the parts; {remedy}.")
