"""Loads tables instead of images: red wine, iris flowers, and points that a line separates.

A row of n features is stored as an image of one pixel with n channels. Normalisation per channel of an image thus
becomes normalisation per feature of a row.
"""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.dataset import Subset
from kerasclf.data.image_sources import ArrayRows
from kerasclf.errors import DataError, listed, shortened

POINTS = 200
_POINTS_SEED = 4
# Two long clusters lie on both sides of an empty strip that does not pass through 0. They are shifted against each
# other along the strip. The difference of their means therefore does not separate them: a line must rotate to do so.
_MIDDLE, _ANGLE, _STRIP = (2.5, 2.0), np.deg2rad(35), 0.3
_LENGTH, _WIDTH, _SHIFT = 1.1, 0.6, 1.0

WINE_CLASSES = ("ordinary", "good")
_GOOD_FROM = 6  # quality, of at most 10
HOW_TO_GET_WINE = (
    "Get winequality-red.csv of red wine quality (Cortez et al. 2009, 1,599 rows) from "
    "https://archive.ics.uci.edu/dataset/186. Give wine:PATH as `data`, where PATH is that file."
)

Table = tuple[tuple[str, ...], Subset]


def _as_subset(values: NDArray[np.floating], labels: NDArray[np.integer]) -> Subset:
    """Returns rows of shape (n, features) as a subset. A row's name is its index."""
    array = np.ascontiguousarray(values, np.float32)[:, None, None, :]
    return Subset(ArrayRows(array), labels.astype(np.int64), tuple(str(i) for i in range(len(array))))


def read_wine(path: Path) -> Table:
    """Reads red wines: eleven measurements each, and the classes "ordinary" and "good" (quality of at least 6).

    Args:
        path: CSV file with commas or semicolons and one line of headings, of which the last is quality.

    Returns:
        The class names, and float32 rows of shape (n, 1, 1, features).

    Raises:
        DataError: If the file is missing or has another form; the message names the line.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist. {HOW_TO_GET_WINE}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            heading = file.readline()
            rows = list(csv.reader(file, delimiter=";" if ";" in heading else ","))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text: {error}. {HOW_TO_GET_WINE}") from error
    except csv.Error as error:
        raise DataError(f"{path} is no table: {error}. {HOW_TO_GET_WINE}") from error
    names = [name.strip().strip('"') for name in heading.replace(";", ",").split(",")]
    if names[-1] != "quality":
        raise DataError(f"{path}: expected 'quality' as the last heading. Received: {names[-1]!r}. {HOW_TO_GET_WINE}")
    found = [_numbers(row, len(names), f"{path}, line {line}") for line, row in enumerate(rows, 2) if row]
    problems = [problem for problem in found if isinstance(problem, str)]
    if problems:
        raise DataError(problems[0] if len(problems) == 1 else listed(f"{path} cannot be used", shortened(problems)))
    table = np.array(found, np.float64)
    if not len(table):
        raise DataError(f"Expected rows below the headings of {path}. Received: none. {HOW_TO_GET_WINE}")
    return WINE_CLASSES, _as_subset(table[:, :-1], (table[:, -1] >= _GOOD_FROM).astype(np.int64))


def load_iris() -> Table:
    """Returns Fisher's 150 iris flowers from scikit-learn's copy: four measurements each, in cm."""
    from sklearn import datasets

    found = datasets.load_iris()
    return tuple(str(name) for name in found.target_names), _as_subset(found.data, found.target)


def draw_points() -> Table:
    """Returns 200 synthetic points of two classes in the plane, which a line separates. They are the same each time."""
    rng = np.random.default_rng(_POINTS_SEED)
    labels = np.arange(POINTS) % 2
    side = 2 * labels - 1
    along = _SHIFT * side + rng.normal(0, _LENGTH, POINTS)
    across = side * (_STRIP / 2 + np.abs(rng.normal(0, _WIDTH, POINTS)))
    directions = np.array([[np.cos(_ANGLE), np.sin(_ANGLE)], [-np.sin(_ANGLE), np.cos(_ANGLE)]])
    points = np.array(_MIDDLE) + np.stack([along, across], axis=1) @ directions
    return ("blue", "orange"), _as_subset(points, labels)


def _numbers(row: list[str], count: int, where: str) -> list[float] | str:
    """Returns the numbers of a row, or its problem."""
    try:
        numbers = [float(value) for value in row]
    except ValueError as error:
        return f"{where}: expected numbers ({error})."
    if len(numbers) != count or not np.isfinite(numbers).all():
        return f"{where}: expected {count} finite numbers. Received: {', '.join(row)}."
    return numbers
