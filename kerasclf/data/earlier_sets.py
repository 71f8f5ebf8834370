"""Keeps the images of an earlier study in their sets when new images are added."""

import functools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import SETS, Subset, class_counts
from kerasclf.data.folds import join
from kerasclf.data.groups import Indices, check_groups, members_of
from kerasclf.data.names import find_names
from kerasclf.data.splits import Split
from kerasclf.errors import DataError, shortened
from kerasclf.files.reading import read_json
from kerasclf.log import Log
from kerasclf.values import digest_of
from kerasclf.wording import counted

# A manifest takes about 100 bytes per image.
_MAX_BYTES = 256 << 20

# Positions of images that must be in one set, by the name of their group.
Units = dict[str, list[int]]


@dataclass(frozen=True)
class EarlierSets:
    """The sets of an earlier study, image by image.

    Args:
        path: The manifest that describes them.
        class_names: Class names, in the order of the labels.
        set_of: The set of each image, by the key of its pixels.
        in_several: Keys of the images that have copies in several sets.
    """

    path: Path
    class_names: tuple[str, ...]
    set_of: dict[str, str]
    in_several: frozenset[str] = frozenset()

    def find_classes(self, spec: str, class_names: Sequence[str]) -> NDArray[np.int64]:
        """Returns the label in the earlier study of each class of a data set.

        Raises:
            DataError: If a class is new or missing. The message names it.
        """
        for names, others, problem in (
            (class_names, self.class_names, "is new"),
            (self.class_names, class_names, "is missing"),
        ):
            found = zip(names, find_names(names, others), strict=True)
            if different := sorted(name for name, position in found if position < 0):
                raise DataError(
                    f"Expected the {len(self.class_names)} classes of the earlier run in {spec}. {different[0]!r} "
                    f"{problem}. Train a new model for other classes."
                )
        return np.array(find_names(class_names, self.class_names), np.int64)

    def keep(self, found: dict[str, Subset], spec: str, split: Split, log: Log) -> dict[str, Subset]:
        """Divides images into three sets. Those of the earlier study stay in their sets, and each group is in one set.

        Args:
            found: Sets that the data set provides, at least "train". New images of a set that it provides stay there,
                unless the earlier study has their group in another one.
            spec: The data set, for messages.
            split: Shares and seed, by which the other new images are divided, class by class.
            log: Receives the numbers of images.

        Returns:
            The training, validation and test sets.

        Raises:
            DataError: If none of the images is known, or a group lies in several sets.
        """
        check_groups(found)
        # The sets one after the other, then each image where it belongs.
        images = functools.reduce(join, [found[name] for name in SETS if name in found])
        places = np.concatenate([np.full(len(found[name]), name, "U10") for name in SETS if name in found])
        known = np.array([key in self.set_of for key in images.keys])
        if not known.any():
            raise DataError(
                f"None of the images of {spec} is one of the earlier run. Give a folder that holds the old images and "
                "the new ones: copy the new ones to the old ones. Images count as the same if they have the same "
                "pixels at the size of the run."
            )
        places[known] = [self.set_of[key] for key in images.keys if key in self.set_of]
        units = _units(images)
        if images.groups:
            _join_groups(places, known, np.array([key in self.in_several for key in images.keys]), units)
        _divide_new(places, [unit for unit in units.values() if not known[unit].any()], images.labels, found, split)
        for line in _describe(places, known, missing=len(self.set_of.keys() - set(images.keys))):
            log(line)
        return {name: images.take(np.flatnonzero(places == name)) for name in SETS}

    def new_images(self, subset: Subset) -> int:
        """Returns the number of images that the earlier study did not have."""
        return sum(key not in self.set_of for key in subset.keys)


def read_earlier_sets(path: Path) -> EarlierSets:
    """Reads the manifest of a study.

    Raises:
        DataError: If the file is missing, damaged, or of a version that did not record each image.
    """
    try:
        manifest = read_json(path, _MAX_BYTES)
        content = {name: manifest[name] for name in ("spec", "class_names", "sets")}
        if digest_of(content) != manifest["hash"]:
            raise ValueError("it was changed")
        keys = {name: manifest["keys"][name] for name in SETS} if "keys" in manifest else {}
        class_names = tuple(map(str, manifest["class_names"]))
        # Of identical images in two sets, the test set keeps both.
        set_of = {str(key): name for name, of_set in keys.items() for key in of_set}
        sets_with = Counter(str(key) for of_set in keys.values() for key in set(of_set))
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DataError(f"The images of the earlier run cannot be read from {path}: {error}.") from error
    if not keys:
        raise DataError(
            f"{path} does not record each image, as an older version of kerasclf wrote it. Repeat the command of that "
            "training with its old images: finished runs are not repeated, and this record is written anew."
        )
    return EarlierSets(path, class_names, set_of, frozenset(key for key, count in sets_with.items() if count > 1))


def _units(images: Subset) -> Units:
    """Returns the positions of the images that must be in one set: those of each group, or else each image alone."""
    return members_of(images.groups or tuple(map(str, range(len(images)))))


def _join_groups(places: NDArray[np.str_], known: NDArray[np.bool_], copied: NDArray[np.bool_], units: Units) -> None:
    """Moves all images of a group with known ones to the set of those.

    Raises:
        DataError: If the known images of a group lie in several sets.
    """
    divided = []
    for group, members in units.items():
        of_earlier = [index for index in members if known[index]]
        # The set of a copy may be that of another group.
        sets = set(places[[index for index in of_earlier if not copied[index]] or of_earlier].tolist())
        if len(sets) > 1:
            divided.append(f"{group!r} ({' and '.join(name for name in SETS if name in sets)})")
        elif sets:
            places[members] = sets.pop()
    if divided:
        raise DataError(
            "Expected each group of images in one set of the earlier run. "
            f"Received: {counted(len(divided), 'group')} in several sets: {', '.join(shortened(divided))}. "
            "Remove copies of images of other groups, give the groups of the earlier run, or train a new model."
        )


def _divide_new(
    places: NDArray[np.str_], units: Sequence[list[int]], labels: Indices, found: dict[str, Subset], split: Split
) -> None:
    """Moves new units of training images to the sets that lack their share, unless the data set provides these."""
    position = np.argsort(np.random.default_rng(split.seed).permutation(len(labels)))
    shuffled = sorted(units, key=lambda unit: int(position[unit].min()))
    for name, share in (("test", split.test), ("validation", split.validation)):
        if name in found:
            continue
        # A share of all images that the data set leaves undivided; the validation set is held out after the test set.
        others = [other for other in ("test", "validation") if other != name and (other in found or name != "test")]
        undivided, classes = ~np.isin(places, others), int(labels.max()) + 1
        wanted = np.rint(share * class_counts(labels[undivided], classes)).astype(np.int64)
        lacking = (wanted - class_counts(labels[places == name], classes)).tolist()
        for unit in shuffled:
            counts = Counter(labels[unit].tolist())
            # The whole unit or nothing, whichever is closer to the shares.
            closer = sum(abs(lacking[label]) - abs(lacking[label] - count) for label, count in counts.items())
            if closer > 0 and places[unit[0]] == "train":
                places[unit] = name
                for label, count in counts.items():
                    lacking[label] -= count


def _describe(places: NDArray[np.str_], known: NDArray[np.bool_], missing: int) -> Iterator[str]:
    for what, chosen in (("images of the earlier run", known), ("new images", ~known)):
        counts = {name: int((chosen & (places == name)).sum()) for name in SETS}
        yield f"{what}: " + ", ".join(f"{count:,} {name}" for name, count in counts.items())
    if missing:
        yield f"missing images of the earlier run: {missing:,}"
    if known.all():
        yield "warning: no image is new. The training goes on with the images of the earlier run."
