r"""Writes tables of names as CSV with Unix line ends.

A name of a file may hold any character. Up to Python 3.12, csv quotes a carriage return only if its line ends have one.
So these functions let it end lines with `\r\n`, and replace the end of each line.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_END = "\r\n"


class _UnixLines:
    """A file for a writer of `csv`, which writes a line at a time."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix(_END) + "\n")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Returns rows as CSV."""
    text = io.StringIO()
    csv.writer(_UnixLines(text), lineterminator=_END).writerows(rows)
    return text.getvalue()


def write_table(table: "pd.DataFrame", file: IO[str], digits: int) -> None:
    """Writes a table as CSV, without its index.

    Args:
        table: The table.
        file: Where to write. It must not translate line ends.
        digits: Significant digits of numbers that are not whole.
    """
    lines: Any = _UnixLines(file)  # pandas needs its `write` only
    table.to_csv(lines, index=False, float_format=f"%.{digits}g", lineterminator=_END)
