"""Groups of images that belong together, such as the photographs of one patient: no group is in two sets."""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import SETS, class_counts
from kerasclf.errors import DataError, shortened
from kerasclf.wording import counted

Indices = NDArray[np.int64]

# A share of images is held out as some of at most this many folds.
_MAX_FOLDS = 20


class Grouped(Protocol):
    """Images of a set, each with its group; without groups if the tuple is empty."""

    @property
    def groups(self) -> tuple[str, ...]: ...


def pattern_problem(pattern: str) -> str | None:
    """Returns what is wrong with a pattern that names groups, or None."""
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        return f"expected a regular expression. Received: {pattern!r}: {error}."
    if groups > 1:
        return f"expected at most one pair of parentheses. Received: {pattern!r}, which has {groups}."
    return None


def groups_of(
    names: Sequence[str], pattern: str, needs_none: Callable[[int], bool] = lambda index: False
) -> tuple[str, ...]:
    r"""Returns the group of each image: the part of its name in the pattern's parentheses, or all that it matches.

    Args:
        names: Names of the images, such as `"cat/film_3_frame_7.jpg"`.
        pattern: A regular expression. It may match anywhere in a name.
        needs_none: Is asked for the index of an image without a group whether it may have none, such as a broken file.
            Its group is then its name.

    Raises:
        DataError: If the pattern is none, does not match every name, or matches nothing of a name.

    Example:
        >>> groups_of(["cat/film_3_frame_7.jpg", "cat/film_12_frame_1.jpg"], r"film_(\d+)")
        ('3', '12')
    """
    if problem := pattern_problem(pattern):
        raise DataError(f"group: {problem}")
    compiled = re.compile(pattern)
    found = [compiled.search(name) for name in names]
    # A pair of parentheses need not take part in a match.
    groups = [(match[compiled.groups] or "") if match else "" for match in found]
    without = [names[index] for index, group in enumerate(groups) if not group and not needs_none(index)]
    if without:
        raise DataError(
            f"group: expected a pattern that names the group of each of {counted(len(names), 'image')}. Received: "
            f"{pattern!r}, which names none for {len(without):,} of them: {', '.join(shortened(without))}."
        )
    return tuple(group or name for group, name in zip(groups, names, strict=True))


def members_of(groups: Sequence[str]) -> dict[str, list[int]]:
    """Returns the positions of the images of each group.

    Example:
        >>> members_of(["p7", "p2", "p7"])
        {'p7': [0, 2], 'p2': [1]}
    """
    found: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        found.setdefault(group, []).append(index)
    return found


def numbered(groups: Sequence[str]) -> list[int]:
    """Returns the number of each image's group, from 0, in the order in which groups appear.

    Example:
        >>> numbered(["p7", "p2", "p7"])
        [0, 1, 0]
    """
    numbers = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    return [numbers[group] for group in groups]


def check_groups(sets: Mapping[str, Grouped]) -> None:
    """Checks that no group is in two sets.

    Raises:
        DataError: If some are; the message names them and their sets.
    """
    sets_of: dict[str, list[str]] = {}
    for name in (name for name in SETS if name in sets):
        for group in dict.fromkeys(sets[name].groups):
            sets_of.setdefault(group, []).append(name)
    shared = [f"{group!r} ({' and '.join(names)})" for group, names in sets_of.items() if len(names) > 1]
    if shared:
        raise DataError(
            f"Expected each group of images in one set. Received: {counted(len(shared), 'group')} in several sets: "
            f"{', '.join(shortened(shared))}. Move each group to one set, or let kerasclf divide the images."
        )


def hold_out_groups(
    labels: Indices, groups: Sequence[str], share: float, seed: int, num_classes: int
) -> tuple[Indices, Indices]:
    """Returns the remaining and the held-out indices. Each group is on one side, and classes keep about their shares.

    A larger share is held out if the groups of a class are so few that none would be. Likewise for what remains.

    Args:
        labels: Class indices of the images.
        groups: Group of each image.
        share: Share of the images to hold out.
        seed: Seed of the shuffle.
        num_classes: Number of classes.

    Raises:
        DataError: If all images are of one group.
    """
    count = len(set(groups))
    if count < 2:
        raise DataError(f"Expected images of at least 2 groups, to hold out one. Received: {count}.")
    # 0.3 is 3 folds of 10.
    part = Fraction(share).limit_denominator(min(_MAX_FOLDS, count))
    if part >= 1:
        # Less than one fold would remain.
        held_out, rest = hold_out_groups(labels, groups, 1 - share, seed, num_classes)
        return rest, held_out
    taken, folds = (part.numerator, part.denominator) if part > 0 else (1, min(_MAX_FOLDS, count))
    for larger in (folds, *range(folds - 1, taken, -1)):
        # With few groups, a class may be missing in every fold of that size: larger folds have more groups.
        number = fold_numbers(labels, groups, larger, seed)
        candidates = [np.flatnonzero((number - first) % larger < taken) for first in range(larger)]
        whole = [held_out for held_out in candidates if _divides_every_class(labels, held_out, num_classes)]
        if whole:
            break
    # Groups differ in size, and so do folds.
    held_out = min(whole or candidates, key=lambda images: abs(len(images) - share * len(labels)))
    return np.setdiff1d(np.arange(len(labels)), held_out), held_out


def _divides_every_class(labels: Indices, held_out: Indices, num_classes: int) -> bool:
    """Returns whether every class has held-out images and others."""
    counts = class_counts(labels[held_out], num_classes)
    return bool(((counts > 0) & (counts < class_counts(labels, num_classes))).all())


def fold_numbers(labels: Indices, groups: Sequence[str], folds: int, seed: int) -> Indices:
    """Returns the fold of each image, from 0. Each fold has about the same classes.

    Args:
        labels: Class of each image, shape (n,).
        groups: Group of each image, which is in one fold as a whole; empty without groups.
        folds: Number of folds.
        seed: Seed of the shuffle.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold  # takes a second to import

    numbers = np.empty(len(labels), np.int64)
    with warnings.catch_warnings():
        # Classes of few images are not in every fold. The caller checks what it needs.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        # The splitter refuses more folds than the largest class has images.
        folds_used = min(folds, int(np.bincount(labels).max()))
        kind = StratifiedGroupKFold if groups else StratifiedKFold
        splitter = kind(folds_used, shuffle=True, random_state=seed)
        for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(labels)), labels, groups or None)):
            numbers[held_out] = number
    return numbers
