"""Reads tables of any kind, CSV, Parquet or JSON lines, and the files that a column names."""

import functools
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from kerasclf.errors import DataError, unknown

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl")

_DELIMITERS = ",;\t|"
_Errors = Literal["strict", "surrogateescape"]


def files_in_column(path: Path, column: str) -> list[Path]:
    """Returns the files that a column of any table names, relative to its folder. Empty cells are left out.

    The name of a file need not be UTF-8.

    Raises:
        DataError: If the table cannot be read, or has no such column.
    """
    rows = read_table(path, errors="surrogateescape")
    if column not in rows.columns:
        raise DataError(f"{path}: {unknown('column', column, list(rows.columns))}")
    return [file_of(path.parent, text) for text in map(cell_text, rows[column]) if text]


def columns_of(path: Path) -> list[str]:
    """Returns the names of the columns of a table.

    Raises:
        DataError: If it cannot be read.
    """
    return list(read_table(path, errors="surrogateescape").columns)


def read_table(path: Path, errors: _Errors = "strict") -> "pd.DataFrame":
    """Returns the rows of a table, which is read once while its file stays the same. Do not change them.

    The values of a CSV file stay texts, so that class 007 keeps its zeros.

    Args:
        path: The file.
        errors: What to do about bytes of a CSV file that are not UTF-8.

    Raises:
        DataError: If the file is missing, is not UTF-8, or has another form.
    """
    import pandas as pd  # takes half a second to import

    if not path.is_file():
        raise DataError(f"The table {path} does not exist.")
    try:
        found = path.stat()
        rows = _read_version(path.absolute(), errors, found.st_size, found.st_mtime_ns)
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error}). Save it as UTF-8.") from error
    except ImportError as error:
        raise DataError(f"{path} needs a library for Parquet. Install it: pip install pyarrow") from error
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty.") from error
    except Exception as error:  # a table of another form can raise nearly any exception
        raise DataError(f"{path} cannot be read as a table: {str(error).strip().rstrip('.')}.") from error
    twice = rows.columns[rows.columns.duplicated()].unique()
    if len(twice):
        raise DataError(f"{path}: expected each column once. Received twice: {', '.join(map(repr, twice))}.")
    if not len(rows):
        raise DataError(f"{path}: expected a row per image. Received: no rows.")
    return rows


@functools.lru_cache(maxsize=1)
def _read_version(path: Path, errors: _Errors, size: int, changed_ns: int) -> "pd.DataFrame":
    """Reads the table that a file of this size and time holds."""
    read = _READERS.get(path.suffix.lower())
    rows = _read_csv(path, errors) if read is None else read(path)
    rows.columns = [str(column).strip() for column in rows.columns]
    return rows


def _read_csv(path: Path, errors: _Errors) -> "pd.DataFrame":
    import pandas as pd

    with path.open(encoding="utf-8-sig", errors=errors, newline="") as file:
        heading = file.readline()
    delimiter = max(_DELIMITERS, key=heading.count)
    with warnings.catch_warnings(action="error", category=pd.errors.ParserWarning):
        try:
            return pd.read_csv(
                path,
                sep=delimiter,
                index_col=False,  # otherwise the first field of longer rows would become their index
                dtype=str,
                keep_default_na=False,
                encoding="utf-8-sig",
                encoding_errors=errors,
                skipinitialspace=True,
            )
        except pd.errors.ParserWarning:
            raise ValueError(f"its rows have more fields, divided by {delimiter!r}, than its heading") from None


def _read_parquet(path: Path) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_parquet(path)


def _read_json_lines(path: Path) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_json(path, lines=True, dtype=False)


_READERS: "dict[str, Callable[[Path], pd.DataFrame]]" = {".parquet": _read_parquet, ".jsonl": _read_json_lines}


def cell_text(value: Any) -> str:
    """Returns a cell as text; an empty one, or the NaN of a missing one, as an empty text."""
    missing = value is None or (isinstance(value, float) and np.isnan(value))
    return "" if missing else str(value).strip()


def file_of(root: Path, text: str) -> Path:
    """Returns the file that a cell names. A table from Windows may have backslashes."""
    path = root / text
    return root / text.replace("\\", "/") if "\\" in text and not path.exists() else path
