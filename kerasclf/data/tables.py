"""Data sets of rows instead of images: red wine, iris flowers, and points that a line divides.

A row of n features travels as an image of one pixel with n channels, so that what normalises images by channel
normalises rows by feature.
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import ArrayRows, Subset
from kerasclf.errors import DataError

POINTS = 200
_POINTS_SEED = 4
# Two long heaps on both sides of an empty strip that does not go through 0. They are shifted against each other along
# it, so that the difference of their means is not yet the direction that divides them: a line must turn to find it.
_MIDDLE, _ANGLE, _STRIP = (2.5, 2.0), np.deg2rad(35), 0.3
_LONG, _WIDE, _SHIFT = 1.1, 0.6, 1.0

WINE_CLASSES = ("ordinary", "good")
_GOOD_FROM = 6  # of 10 points of quality
HOW_TO_GET_WINE = (
    "Red wine quality (Cortez et al. 2009, 1,599 rows) is winequality-red.csv of "
    "https://archive.ics.uci.edu/dataset/186; give the file with --data wine:PATH."
)

Found = tuple[tuple[str, ...], Subset]


def rows_part(values: NDArray[np.floating], labels: NDArray[np.integer]) -> Subset:
    """Returns rows of shape (n, features) as a part whose names are the rows' numbers."""
    array = np.ascontiguousarray(values, np.float32)[:, None, None, :]
    return Subset(ArrayRows(array), labels.astype(np.int64), tuple(str(i) for i in range(len(array))))


def read_wine(path: Path) -> Found:
    """Reads red wines: eleven measurements and a quality, of which 6 and more is "good".

    Args:
        path: The CSV file, with commas or semicolons and a line of headings, the last of which is quality.

    Raises:
        DataError: The file is missing or has another form; the message names the line.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist. {HOW_TO_GET_WINE}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            heading = file.readline()
            rows = list(csv.reader(file, delimiter=";" if ";" in heading else ","))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no text: {error}. {HOW_TO_GET_WINE}") from error
    names = [name.strip().strip('"') for name in heading.replace(";", ",").split(",")]
    if names[-1] != "quality":
        raise DataError(f"{path}: expected 'quality' as the last heading. Received: {names[-1]!r}. {HOW_TO_GET_WINE}")
    table = np.array([_numbers(row, len(names), path, line) for line, row in enumerate(rows, 2) if row], np.float64)
    if not len(table):
        raise DataError(f"{path} has headings and no rows. {HOW_TO_GET_WINE}")
    return WINE_CLASSES, rows_part(table[:, :-1], (table[:, -1] >= _GOOD_FROM).astype(np.int64))


def load_iris() -> Found:
    """Returns Fisher's 150 iris flowers, four measurements in cm each, from scikit-learn's own copy."""
    from sklearn import datasets

    found = datasets.load_iris()
    return tuple(str(name) for name in found.target_names), rows_part(found.data, found.target)


def draw_points() -> Found:
    """Draws 200 points of two classes in the plane, which a line divides; the same ones always."""
    rng = np.random.default_rng(_POINTS_SEED)
    labels = np.arange(POINTS) % 2
    side = 2 * labels - 1
    along = _SHIFT * side + rng.normal(0, _LONG, POINTS)
    across = side * (_STRIP / 2 + np.abs(rng.normal(0, _WIDE, POINTS)))
    directions = np.array([[np.cos(_ANGLE), np.sin(_ANGLE)], [-np.sin(_ANGLE), np.cos(_ANGLE)]])
    points = np.array(_MIDDLE) + np.stack([along, across], axis=1) @ directions
    return ("blue", "orange"), rows_part(points, labels)


def _numbers(row: list[str], count: int, path: Path, line: int) -> list[float]:
    try:
        numbers = [float(value) for value in row]
    except ValueError as error:
        raise DataError(f"{path}, line {line}: expected numbers ({error}).") from error
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise DataError(f"{path}, line {line}: expected {count} finite numbers. Received: {', '.join(row)}.")
    return numbers
