"""Which images go to which part: seeded, stratified, written down."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from kerasclf.data.dataset import class_counts
from kerasclf.errors import DataError
from kerasclf.values import Value

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
        test_per_class: At most so many images a class to test with; None takes all.
    """

    validation: float = 0.1
    test: float = 0.2
    method: Literal["stratified", "first"] = "stratified"
    seed: int = 0
    train_per_class: int | None = None
    test_per_class: int | None = None

    def problems(self) -> list[str]:
        found = [
            f"{name}: expected a share between 0 and 1. Received: {share}."
            for name, share in (("validation", self.validation), ("test", self.test))
            if not 0 < share < 1
        ]
        if self.method not in ("stratified", "first"):
            found.append(f"method: expected 'stratified' or 'first'. Received: {self.method!r}.")
        for name in ("train_per_class", "test_per_class"):
            most = getattr(self, name)
            if most is not None and most < 2:
                found.append(f"{name}: expected at least 2 images a class, or None. Received: {most}.")
        return found


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
    for side in (kept, taken):
        _check_every_class(labels[side], class_names, share)
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
    lonely = [class_names[i] for i in np.flatnonzero(counts == 1)]
    if lonely:
        raise DataError(
            f"Class {lonely[0]!r} has one image; at least 2 are needed to divide it. Add images, or remove the class."
        )
    least = len(class_names)
    if min(round(share * len(labels)), round((1 - share) * len(labels))) < least:
        raise DataError(
            f"A share of {share:g} of {len(labels)} images cannot hold all {least} classes. "
            "Add images, or ask for another share."
        )


def _check_every_class(labels: Indices, class_names: tuple[str, ...], share: float) -> None:
    missing = np.flatnonzero(class_counts(labels, len(class_names)) == 0)
    if len(missing):
        name = class_names[missing[0]]
        raise DataError(
            f"Setting {share:g} of the images apart would leave one part without class {name!r}. "
            "Use method 'stratified', add images of that class, or ask for another share."
        )
