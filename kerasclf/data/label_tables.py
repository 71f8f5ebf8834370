"""Labels in a table with a row per image: a CSV file, Parquet, or JSON lines."""

import re
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.listings import Listing
from kerasclf.data.names import check_names
from kerasclf.data.set_words import set_named
from kerasclf.data.spec_paths import path_of
from kerasclf.data.table_files import cell_text, file_of, read_table
from kerasclf.errors import DataError, did_you_mean, listed, shortened
from kerasclf.wording import counted

FORM = "csv:FILE[:image=COLUMN,label=COLUMN,set=COLUMN,group=COLUMN,root=FOLDER]"

Role = Literal["image", "label", "set", "group"]
# Names of columns that are found without being given, in any case.
_USUAL: dict[Role, tuple[str, ...]] = {
    "image": ("image", "file", "filename", "file_name", "path", "filepath", "image_path"),
    "label": ("label", "class", "class_name", "category"),
    "set": ("set", "split", "subset"),
    "group": ("group", "group_id"),
}
_GIVEN = re.compile(r"(?P<file>.+?)(?::(?P<given>(?:image|label|set|group|root)=.*))?")
# A whole number of 64 bits. Classes of such names are in the order of their numbers.
_WHOLE = re.compile(r"[+-]?\d{1,18}")
# Missing files that a message names.
_SHOWN_FILES = 20


@dataclass(frozen=True)
class LabelTable:
    """A table of labels as a spec names it.

    Args:
        path: The file.
        columns: Columns that the spec gives, by their role.
        root: Folder to which the paths in the table are relative.
    """

    path: Path
    columns: dict[Role, str]
    root: Path


def parse_label_table(rest: str) -> LabelTable:
    """Returns the table that a spec names.

    Args:
        rest: The spec after `csv:`.

    Raises:
        DataError: If it has another form.
    """
    found = _GIVEN.fullmatch(rest)
    pairs = [pair.partition("=") for pair in found["given"].split(",")] if found and found["given"] else []
    given = {name.strip(): value.strip() for name, _, value in pairs}
    wrong = [name for name in given if name not in (*_USUAL, "root")]
    if not found or wrong or len(given) < len(pairs) or not all(given.values()):
        raise DataError(f"Expected {FORM}. Received: csv:{rest}.")
    path = path_of(found["file"])
    root = path_of(given.pop("root")) if "root" in given else path.parent
    return LabelTable(path, {role: given[role] for role in _USUAL if role in given}, root)


def list_label_table(table: LabelTable) -> tuple[tuple[str, ...], dict[str, Listing]]:
    """Lists the images of a table, without reading them.

    Args:
        table: The table.

    Returns:
        The class names, numbers in their order and others in alphabetical order; and a listing by set. A table
        without a column for sets is all "train".

    Raises:
        DataError: If the table or its columns cannot be used, or images are missing. The message lists all problems.
    """
    rows = read_table(table.path)
    columns = find_columns(table, list(rows.columns))
    values = {role: [cell_text(value) for value in rows[column]] for role, column in columns.items()}
    files = [file_of(table.root, text) for text in values["image"]]
    problems = [
        *_empty_problems(values, columns),
        *_several_label_problems(rows[columns["label"]], columns["label"]),
        *_label_problems(values["label"], columns["label"]),
        *_file_problems(files, values),
        *_set_problems(values, columns),
    ]
    if problems:
        raise DataError(problems[0] if len(problems) == 1 else listed(f"{table.path} cannot be used", problems))
    names = _class_names(values["label"])
    check_names(names, files)
    return names, _listings(table.root, files, values, names)


def find_columns(table: LabelTable, columns: Sequence[str]) -> dict[Role, str]:
    """Returns the column of each role: the one that the spec gives, or one with a usual name.

    Raises:
        DataError: If a column that the spec gives is missing, or there is none for images or labels.
    """
    lower = {column.lower(): column for column in reversed(columns)}
    found: dict[Role, str] = dict(table.columns)
    for role, usual in _USUAL.items():
        known = next((lower[name] for name in usual if name in lower), None)
        if role not in found and known is not None and known not in found.values():
            found[role] = known
    missing = [column for column in found.values() if column not in columns]
    lacking = [role for role in ("image", "label") if role not in found]
    if missing or lacking:
        plural = "s" * (len(missing) > 1)
        expected = (
            f"the column{plural} {', '.join(map(repr, missing))}" if missing else f"columns for {' and '.join(lacking)}"
        )
        near = did_you_mean(missing[0], columns) if missing else ""
        raise DataError(
            f"{table.path}: expected {expected}. Received: {', '.join(shortened(list(columns)))}.{near} "
            f"Name them as csv:{table.path}:image=COLUMN,label=COLUMN."
        )
    return found


def describe_columns(table: LabelTable) -> str:
    """Returns a line that names the column of each role."""
    found = find_columns(table, list(read_table(table.path).columns))
    return "columns: " + ", ".join(f"{role} {found[role]!r}" for role in _USUAL if role in found)


def _empty_problems(values: dict[Role, list[str]], columns: dict[Role, str]) -> Iterator[str]:
    for role, texts in values.items():
        rows = [number for number, text in enumerate(texts, 1) if not text]
        if rows:
            yield f"Column {columns[role]!r} is empty in {counted(len(rows), 'row')}, first in row {rows[0]:,}."


def _label_problems(labels: list[str], column: str) -> Iterator[str]:
    given = sorted({label for label in labels if label})
    broken = [label for label in given if _is_number(label) and not label.lstrip("+-").isdecimal()]
    if broken and all(map(_is_number, given)):
        yield (
            f"Column {column!r}: expected classes. Received numbers with decimals, such as {', '.join(broken[:3])}. "
            "Give a column of class names or whole numbers as label=COLUMN."
        )
    elif len(given) == 1:
        yield f"Column {column!r}: expected at least 2 classes. Received: 1, {given[0]!r}."


def _several_label_problems(cells: Iterable[object], column: str) -> Iterator[str]:
    """Finds labels that are lists, arrays or objects, as in tables of several labels per image."""
    rows = [number for number, cell in enumerate(cells, 1) if isinstance(cell, Sized) and not isinstance(cell, str)]
    if rows:
        yield (
            f"Column {column!r}: expected one class per image. Received a list or an object in "
            f"{counted(len(rows), 'row')}, first in row {rows[0]:,}."
        )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _file_problems(files: list[Path], values: dict[Role, list[str]]) -> Iterator[str]:
    """Yields the problem of missing files, and those of files in several rows."""
    names = values["image"]
    exists = [bool(name) and file.is_file() for file, name in zip(files, names, strict=True)]
    missing = [str(file) for file, name, found in zip(files, names, exists, strict=True) if name and not found]
    if missing:
        shown = ", ".join(missing[:_SHOWN_FILES]) + (", ..." if len(missing) > _SHOWN_FILES else "")
        yield f"{counted(len(missing), 'image')} of {len(files):,} do not exist: {shown}."
    rows_of: dict[Path, list[int]] = {}
    for row, file in enumerate(files):
        if exists[row]:
            rows_of.setdefault(file.resolve(), []).append(row)
    twice = []
    for rows in rows_of.values():
        labels = dict.fromkeys(values["label"][row] for row in rows)
        if len(rows) > 1:
            how = f"has the labels {' and '.join(map(repr, labels))}" if len(labels) > 1 else "is listed"
            twice.append(f"{names[rows[0]]} {how} in rows {' and '.join(str(row + 1) for row in rows[:3])}")
    if twice:
        yield f"Expected each image in one row. Received: {'; '.join(shortened(twice))}."


def _set_problems(values: dict[Role, list[str]], columns: dict[Role, str]) -> Iterator[str]:
    """Yields the problems of the sets: unknown names, no training set, and sets without some classes."""
    if "set" not in values:
        return
    found = {name: set_named(name) for name in dict.fromkeys(values["set"]) if name}
    unknown = [repr(name) for name, subset in found.items() if subset is None]
    if unknown:
        yield (
            f"Column {columns['set']!r}: expected train, validation or test. Received: {', '.join(shortened(unknown))}."
        )
        return
    if "train" not in found.values():
        yield f"Column {columns['set']!r}: expected images of the set train. Received: {', '.join(found)}."
    classes = {label for label in values["label"] if label}
    for subset in dict.fromkeys(found.values()):
        rows = zip(values["label"], values["set"], strict=True)
        lacking = sorted(classes - {label for label, name in rows if found.get(name) == subset})
        if lacking:
            yield f"The set {subset} has no image of {', '.join(shortened([repr(name) for name in lacking]))}."


def _class_names(labels: Sequence[str]) -> tuple[str, ...]:
    names = set(labels)
    if all(map(_WHOLE.fullmatch, names)):
        return tuple(sorted(names, key=lambda name: (int(name), name)))
    return tuple(sorted(names))


def _listings(
    root: Path, files: list[Path], values: dict[Role, list[str]], names: tuple[str, ...]
) -> dict[str, Listing]:
    index = {name: label for label, name in enumerate(names)}
    listing = Listing(
        root,
        tuple(files),
        np.array([index[label] for label in values["label"]], np.int64),
        groups=tuple(values.get("group", ())),
    )
    if "set" not in values:
        return {"train": listing}
    sets: NDArray[np.str_] = np.array([set_named(name) for name in values["set"]], np.str_)
    return {str(subset): listing.take(np.flatnonzero(sets == subset)) for subset in dict.fromkeys(sets)}
