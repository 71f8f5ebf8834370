"""`Split`: divides images into training, validation and test sets, stratified and seeded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import class_counts, shuffled_classes
from kerasclf.data.groups import Indices, check_groups, hold_out_groups, pattern_problem
from kerasclf.errors import DataError, shortened
from kerasclf.values import LATER, Value
from kerasclf.wording import counted


@dataclass(frozen=True)
class Split(Value):
    r"""How to divide images that the data set does not divide itself.

    Args:
        validation: Share of the training images to use for validation.
        test: Share of all images to use for the test, if the data set has no test set.
        method: `"stratified"` shuffles with `seed` and keeps the share in every class. `"first"` takes the first
            images in their order, as several published studies did.
        seed: Seed of the shuffle. It is independent of a run's seed: repeats share one split.
        train_per_class: Maximum number of training and validation images per class; None takes all.
        test_per_class: Maximum number of test images per class, and of validation images if the data set has its own
            validation set; None takes all.
        fold: `(2, 5)` validates on the second of five stratified folds and trains on the others. The folds divide all
            images outside the test set. None does not fold.
        earlier: The manifest `data-HASH.json` of an earlier study on a folder or lists of images. Its images stay in
            their sets; new images join the set of their group, or are divided by the same shares. None divides all
            images anew.
        group: A regular expression that finds the group of each image file in its name, such as `r"patient_(\d+)"`.
            Images of one group stay in one set. None takes the groups that the data set names, if any.

    Example:
        >>> from kerasclf import Split, load_dataset
        >>> dataset = load_dataset("digits", split=Split(test=0.5, validation=0.2, train_per_class=10))
        >>> len(dataset.train), len(dataset.validation), len(dataset.test)
        (80, 20, 899)
    """

    validation: float = 0.1
    test: float = 0.2
    method: Literal["stratified", "first"] = "stratified"
    seed: int = 0
    train_per_class: int | None = None
    test_per_class: int | None = None
    fold: tuple[int, int] | None = field(default=None, metadata=LATER)
    earlier: str | None = field(default=None, metadata=LATER)
    group: str | None = field(default=None, metadata=LATER)

    def problems(self) -> list[str]:
        found = [
            f"{name}: expected a share between 0 and 1. Received: {share}."
            for name, share in (("validation", self.validation), ("test", self.test))
            if not 0 < share < 1
        ]
        for name in ("train_per_class", "test_per_class"):
            limit = getattr(self, name)
            if limit is not None and limit < 2:
                found.append(f"{name}: expected at least 2 images per class, or None. Received: {limit}.")
        if self.fold is not None and not 1 <= self.fold[0] <= self.fold[1] >= 2:
            found.append(f"fold: expected (number, folds), such as (2, 5). Received: {self.fold}.")
        if self.group is not None and (problem := pattern_problem(self.group)):
            found.append(f"group: {problem}")
        if self.earlier is not None and self.fold is not None:
            found.append("fold: expected None with `earlier`, whose validation set stays.")
        return found


class Divisible(Protocol):
    """Labelled images that can be reduced to some of them: a `Subset`, or a listing of files not yet read."""

    @property
    def labels(self) -> Indices: ...

    @property
    def groups(self) -> tuple[str, ...]: ...

    def take(self, indices: Indices) -> Self:
        """Returns only the images at `indices`."""


T = TypeVar("T", bound=Divisible)


def make_sets(found: dict[str, T], split: Split, class_names: tuple[str, ...]) -> dict[str, T]:
    """Returns the training, validation and test sets.

    The steps are: hold out the test set, limit both sets, hold out the validation set. No group is in two sets.

    Args:
        found: Sets that the data set provides, at least "train".
        split: How to divide them.
        class_names: Class names, in the order of the labels.

    Raises:
        DataError: If a class has too few images, or a group is in two sets that the data set provides; the message
            names it.
    """
    sets = dict(found)
    check_groups(sets)
    _check_enough(sets, class_names)
    if "test" not in sets:
        sets["train"], sets["test"] = _hold_out(sets["train"], split.test, split, class_names)
    limits = {"train": split.train_per_class, "validation": split.test_per_class, "test": split.test_per_class}
    sets = {name: part.take(limit_per_class(part.labels, limits[name], split.seed)) for name, part in sets.items()}
    if "validation" not in sets:
        sets["train"], sets["validation"] = _hold_out(sets["train"], split.validation, split, class_names)
    check_groups(sets)
    return sets


def _hold_out(images: T, share: float, split: Split, class_names: tuple[str, ...]) -> tuple[T, T]:
    """Returns the remaining images and those held out."""
    rest, held_out = divide(images.labels, share, split, class_names, images.groups)
    return images.take(rest), images.take(held_out)


def divide(
    labels: Indices, share: float, split: Split, class_names: tuple[str, ...], groups: tuple[str, ...] = ()
) -> tuple[Indices, Indices]:
    """Holds out a share of the images.

    Args:
        labels: Class indices of the images.
        share: Share to hold out.
        split: Method and seed.
        class_names: Class names, in the order of the labels.
        groups: Group of each image; empty without groups.

    Returns:
        The indices of the remaining images, and of those held out.

    Raises:
        DataError: If a class would be missing on one side; the message names it.
    """
    indices = np.arange(len(labels))
    if split.method == "first":
        count = round(share * len(labels))
        rest, held_out = indices[count:], indices[:count]
    elif groups:
        rest, held_out = hold_out_groups(labels, groups, share, split.seed, len(class_names))
    else:
        rest, held_out = _stratified(labels, share, split.seed, len(class_names))
    _check_every_class(labels, held_out, split, class_names, np.array(groups))
    return rest, held_out


def limit_per_class(labels: Indices, limit: int | None, seed: int) -> Indices:
    """Returns the indices of at most `limit` images per class, chosen by `seed`, in their original order."""
    if limit is None:
        return np.arange(len(labels))
    return np.sort(np.concatenate([own[:limit] for own in shuffled_classes(labels, seed)]))


def sample_of_classes(labels: Indices, limit: int, seed: int = 0) -> Indices:
    """Returns the indices of all images, or of about `limit` of them, in their order.

    Each class gives the same share of its images, but at least two if it has them.
    """
    if len(labels) <= limit:
        return np.arange(len(labels))
    share = limit / len(labels)
    return np.sort(np.concatenate([own[: max(2, round(share * len(own)))] for own in shuffled_classes(labels, seed)]))


def _stratified(labels: Indices, share: float, seed: int, num_classes: int) -> tuple[Indices, Indices]:
    """Returns the remaining and the held-out indices, with the share of each class.

    If the share is too small for every class, each class gives at least one image, and keeps at least one.
    """
    counts, count = class_counts(labels, num_classes), math.ceil(share * len(labels))
    if counts.min() >= 2 and num_classes <= count <= len(labels) - num_classes:
        from sklearn.model_selection import train_test_split  # takes a second to import

        rest, held_out = train_test_split(
            np.arange(len(labels)), test_size=share, stratify=labels, random_state=seed, shuffle=True
        )
        if all(class_counts(labels[side], num_classes).all() for side in (rest, held_out)):
            return np.sort(rest), np.sort(held_out)
    chosen = [own[: min(max(1, round(share * len(own))), len(own) - 1)] for own in shuffled_classes(labels, seed)]
    held_out = np.sort(np.concatenate(chosen))
    return np.delete(np.arange(len(labels)), held_out), held_out


def _check_enough(sets: Mapping[str, Divisible], class_names: tuple[str, ...]) -> None:
    """Checks that every class has an image for each set, and names all classes that have too few."""
    missing = [name for name in ("validation", "test") if name not in sets]
    counts = class_counts(sets["train"].labels, len(class_names))
    scarce = np.flatnonzero(counts < 1 + len(missing))
    if missing and len(scarce):
        names = ", ".join(["train", *missing[:-1]]) + f" and {missing[-1]}"
        few = [f"{class_names[label]!r} has {counts[label]}" for label in scarce]
        raise DataError(
            f"Expected at least {1 + len(missing)} images of each class, one for each of the sets {names}. "
            f"Received: {', '.join(shortened(few))}. Add images, or remove the class."
        )


def _check_every_class(
    labels: Indices, held_out: Indices, split: Split, class_names: tuple[str, ...], groups: NDArray[np.str_]
) -> None:
    for side in (np.delete(labels, held_out), labels[held_out]):
        missing = np.flatnonzero(class_counts(side, len(class_names)) == 0)
        if len(missing):
            name = class_names[missing[0]]
            of_class = labels == missing[0]
            has = counted(int(of_class.sum()), "image")
            if len(groups):
                has += f" of {counted(len(set(groups[of_class])), 'group')}"
            remedy = (
                f"Add {'groups' if len(groups) else 'images'} of that class, or remove it."
                if split.method == "stratified"
                else "Use the method 'stratified' (protocol 'sound')."
            )
            raise DataError(f"Class {name!r} has {has}, but none would be in one of the sets. {remedy}")
