"""Reads the tables of a run, which may come from a stranger, and writes its predictions. Needs no TensorFlow."""

import csv
import warnings
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files.csv_files import write_table
from kerasclf.files.reading import check_regular
from kerasclf.schema import MAX_VALUE

# 50,000 images of 1,000 classes take a third of it.
_MAX_BYTES = 2 << 30
_COLUMNS = ("image", "label", "true", "predicted")


class NamedLabels(Protocol):
    """Images with their names and labels, such as a `Subset`."""

    @property
    def names(self) -> tuple[str, ...]: ...

    @property
    def labels(self) -> NDArray[np.int64]: ...


def read_history(path: Path) -> pd.DataFrame:
    """Returns the history of a run, one row per epoch.

    Raises:
        FolderError: If the file is no table of numbers with one row per epoch.
    """
    names = _header(path)
    table = _read_numbers(path, {}, len(names)).set_axis(names, axis=1)
    if list(table.get("epoch", ())) != list(range(1, len(table) + 1)) or not len(table):
        raise FolderError(f"{path} cannot be read: expected one row per epoch, numbered from 1.")
    # An infinite validation loss is a gap in a curve.
    return table.where(table.abs() <= MAX_VALUE).astype({"epoch": np.int64})


def read_predictions(path: Path, class_names: list[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Returns the labels of images, shape (n,), and their class probabilities, shape (n, classes).

    Args:
        path: The file.
        class_names: Names of the run's classes, in the order of the labels.

    Raises:
        FolderError: If the file is no table of images of these classes with their probabilities.
    """
    header, of_classes = _header(path), [f"p_{name}" for name in class_names]
    # Older runs have no names of classes.
    forms = {(*before, *of_classes): len(before) for before in (_COLUMNS, _COLUMNS[:2])}
    first = forms.get(tuple(header))
    if first is None:
        raise FolderError(f"{path} cannot be read: expected the columns image, label, and p_CLASS of each class.")
    texts = {position: str for position in range(first) if header[position] != "label"}
    table = _read_numbers(path, texts, len(header))
    labels, probabilities = table[1].to_numpy(), table[range(first, len(header))].to_numpy(np.float64)
    if not len(labels) or not np.isin(labels, np.arange(len(class_names))).all():
        raise FolderError(f"{path} cannot be read: expected labels from 0 to {len(class_names) - 1}.")
    if not ((probabilities >= 0) & (probabilities <= 1 + 1e-3)).all():
        raise FolderError(f"{path} cannot be read: expected probabilities from 0 to 1.")
    return labels.astype(np.int64), probabilities


def write_predictions(
    path: Path, subset: NamedLabels, probabilities: NDArray[np.float32], class_names: tuple[str, ...]
) -> None:
    """Writes predictions.csv, one line per image.

    Its columns: the name of the image, its label, the names of its `true` and its `predicted` class, and the
    probability p_CLASS of each class.

    Args:
        path: File to write.
        subset: The images.
        probabilities: Their class probabilities, shape (n, classes).
        class_names: Names of the classes.
    """
    table = pd.DataFrame(probabilities, columns=[f"p_{name}" for name in class_names])
    names = np.array(class_names, object)
    before = {
        "image": subset.names,
        "label": subset.labels,
        "true": names[subset.labels],
        "predicted": names[probabilities.argmax(axis=1)],
    }
    for position, (name, values) in enumerate(before.items()):
        table.insert(position, name, values)
    # Nine digits restore a float32 exactly.
    with path.open("w", newline="", encoding="utf-8") as file:
        write_table(table, file, digits=9)


def _header(path: Path) -> list[str]:
    """Returns the names of a table's columns."""
    check_regular(path)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file), [])
    except (ValueError, csv.Error) as error:
        raise FolderError(f"{path} cannot be read: {error}.") from error


def _read_numbers(path: Path, types: dict[int, type[str]], columns: int) -> pd.DataFrame:
    """Reads a table whose columns are numbers, except those of `types`; their positions are their names.

    Args:
        path: The file.
        types: Types of other columns, by position. Such a table has no gaps.
        columns: Number of columns.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise FolderError(f"{path} cannot be read: expected at most {_MAX_BYTES:,} bytes.")
    of_columns: dict[int, Any] = {column: types.get(column, np.float64) for column in range(columns)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row with more fields than columns
            return pd.read_csv(
                path, header=0, names=range(columns), index_col=False, na_filter=not types, dtype=of_columns
            )
    except (ValueError, OverflowError, pd.errors.ParserWarning) as error:
        raise FolderError(f"{path} cannot be read: {str(error).strip().rstrip('.')}.") from error
