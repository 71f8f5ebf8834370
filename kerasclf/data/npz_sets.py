"""Images and labels from a file of NumPy arrays, named as in keras.datasets."""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import SETS, Subset, class_counts
from kerasclf.data.image_sources import ArrayImages
from kerasclf.errors import DataError, listed, shortened

FORM = "npz:FILE with the arrays x_train, y_train and, if they exist, x_validation, y_validation, x_test, y_test"
# Names of the arrays of a set, after x_ and y_.
_ENDINGS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test",)}
_NAMES = "class_names"


class NpzSets(NamedTuple):
    """The contents of a file.

    Args:
        class_names: Class names, in the order of the labels.
        sets: The sets, at least "train".
    """

    class_names: tuple[str, ...]
    sets: dict[str, Subset]


def check_npz(path: Path) -> None:
    """Checks that a file of arrays exists and has training images and labels, without reading them.

    Raises:
        DataError: If not.
    """
    with _opened(path) as arrays:
        _arrays_of_sets(path, arrays)


def names_of_sets(path: Path) -> tuple[str, ...]:
    """Returns the names of the sets in a file, without reading them.

    Raises:
        DataError: If the file does not exist, or has no training images and labels.
    """
    with _opened(path) as arrays:
        return tuple(_arrays_of_sets(path, arrays))


def read_npz_sets(path: Path, sizes_differ: bool = False) -> NpzSets:
    """Reads images, labels and, if there is an array `class_names`, the names of the classes.

    Args:
        path: The file, written by `numpy.savez` or `numpy.savez_compressed`. Images are uint8 of shape (n, height,
            width) or (n, height, width, channels), pixels 0–255; labels are whole numbers from 0.
        sizes_differ: Whether the sets may differ in height and width, because their images will be resized.

    Raises:
        DataError: If the file or an array cannot be used; the message lists all problems.
    """
    with _opened(path) as arrays:
        found = _arrays_of_sets(path, arrays)
        try:
            pairs = {subset: (arrays[x], _flat(arrays[y])) for subset, (x, y) in found.items()}
            given = np.ravel(arrays[_NAMES]) if _NAMES in arrays.files else None
        except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
            reason = "it holds Python objects" if "pickle" in str(error) else str(error).rstrip(".")
            raise DataError(f"{path} cannot be read: {reason}.") from error
    problems = [p for subset, (x, y) in pairs.items() for p in _array_problems(*found[subset], x, y)]
    names, name_problems = _class_names(given)
    problems += name_problems
    if not problems:
        problems = _shape_problems({found[subset][0]: x for subset, (x, _) in pairs.items()}, sizes_differ)
        problems += _class_problems({subset: y for subset, (_, y) in pairs.items()}, names)
    if problems:
        raise DataError(problems[0] if len(problems) == 1 else listed(f"{path} cannot be used", problems))
    names = names or tuple(str(label) for label in range(int(pairs["train"][1].max()) + 1))
    return NpzSets(names, {subset: _subset(x, y) for subset, (x, y) in pairs.items()})


def _opened(path: Path) -> "np.lib.npyio.NpzFile":
    if not path.is_file():
        raise DataError(f"The file {path} does not exist.")
    try:
        file = np.load(path, allow_pickle=False)
    except (ValueError, OSError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(f"{path} is no file of numpy.savez: {str(error).rstrip('.')}. Expected {FORM}.") from error
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise DataError(f"{path} holds a single array. Expected {FORM}.")
    return file


def _arrays_of_sets(path: Path, arrays: "np.lib.npyio.NpzFile") -> dict[str, tuple[str, str]]:
    """Returns the names of the images and labels of each set."""
    found = {
        subset: (f"x_{ending}", f"y_{ending}")
        for subset in SETS
        for ending in reversed(_ENDINGS[subset])
        if f"x_{ending}" in arrays.files or f"y_{ending}" in arrays.files
    }
    lacking = [name for pair in found.values() for name in pair if name not in arrays.files]
    if "train" not in found or lacking:
        present = ", ".join(shortened(arrays.files)) or "no array"
        raise DataError(f"{path}: expected {', '.join(lacking) or 'x_train and y_train'}. Received: {present}.")
    return found


def _flat(labels: NDArray[Any]) -> NDArray[Any]:
    """Returns labels of shape (n, 1), as keras.datasets has them, in the shape (n,)."""
    return labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels


def _class_names(given: NDArray[Any] | None) -> tuple[tuple[str, ...], list[str]]:
    """Returns the names of the classes, none if no array is given, and what is wrong with the array."""
    if given is None:
        return (), []
    received = str(given.dtype)
    if given.dtype.kind == "U":
        return tuple(given.tolist()), []
    if given.dtype.kind == "S":
        try:
            return tuple(name.decode("utf-8") for name in given.tolist()), []
        except UnicodeDecodeError as error:
            received = str(error.object)
    return (), [f"{_NAMES}: expected texts, or bytes in UTF-8. Received: {received}."]


def _array_problems(x: str, y: str, images: NDArray[np.generic], labels: NDArray[np.generic]) -> list[str]:
    found = []
    if images.dtype != np.uint8:
        found.append(f"{x}: expected uint8 pixels, 0 to 255. Received: {images.dtype}.")
    if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[-1] not in (1, 3)):
        found.append(
            f"{x}: expected the shape (n, height, width), or (n, height, width, channels) with 1 or 3 channels. "
            f"Received: {images.shape}."
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        found.append(f"{y}: expected whole numbers of shape (n,). Received: {labels.dtype} of shape {labels.shape}.")
    elif len(labels) != len(images) or not len(labels):
        found.append(f"{y}: expected a label for each image. Received: {len(labels):,} for {len(images):,} images.")
    return found


def _shape_problems(arrays: dict[str, NDArray[np.generic]], sizes_differ: bool) -> list[str]:
    """Returns which arrays of images have another shape than `x_train`, which comes first."""
    (train, expected), *others = ((x, _image_shape(images)) for x, images in arrays.items())
    first = 2 if sizes_differ else 0
    what = "number of channels" if sizes_differ else "image shape"
    return [
        f"{x}: expected the {what} of {train}, {_shown(expected[first:])}. Received: {_shown(shape[first:])}."
        for x, shape in others
        if shape[first:] != expected[first:]
    ]


def _image_shape(images: NDArray[np.generic]) -> tuple[int, ...]:
    return images.shape[1:] if images.ndim == 4 else (*images.shape[1:], 1)


def _shown(sides: tuple[int, ...]) -> str:
    return "×".join(map(str, sides))


def _class_problems(labels: dict[str, NDArray[np.int64]], names: tuple[str, ...]) -> list[str]:
    """Returns what is wrong with the classes: labels without a name, and classes without a training image."""
    lowest, highest = min(int(y.min()) for y in labels.values()), max(int(y.max()) for y in labels.values())
    if lowest < 0:
        return [f"Expected labels from 0. Received: {lowest}."]
    if names and highest >= len(names):
        return [f"{_NAMES}: expected a name for each label up to {highest}. Received: {len(names)} names."]
    if len(set(names)) < len(names):
        return [f"{_NAMES}: expected each name once. Received: {', '.join(shortened(names))}."]
    count = len(names) or highest + 1
    if count < 2:
        return ["Expected images of at least 2 classes. Received: 1."]
    absent = np.flatnonzero(class_counts(labels["train"], count) == 0)
    if len(absent):
        shown = ", ".join(shortened([names[i] if names else str(i) for i in absent]))
        return [f"y_train: expected images of every class. Received: none of {shown}."]
    return []


def _subset(images: NDArray[np.uint8], labels: NDArray[np.integer]) -> Subset:
    shaped = images if images.ndim == 4 else images[..., np.newaxis]
    return Subset(ArrayImages(shaped), labels.astype(np.int64), tuple(str(i) for i in range(len(labels))))
