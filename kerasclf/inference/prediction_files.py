"""Writes predictions one by one: as CSV or as JSON lines, to a file that appears when it is whole, or to the screen."""

import contextlib
import csv
import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

from kerasclf.errors import FolderError
from kerasclf.escaping import visible
from kerasclf.files import replaced
from kerasclf.inference.predictions import Prediction, columns

Form = Literal["csv", "jsonl"]
Write = Callable[[Prediction], None]


@contextlib.contextmanager
def prediction_writer(out: Path | None, form: Form, top: int) -> Iterator[Write]:
    """Yields a function that writes one prediction.

    Args:
        out: The file, which appears at the end of the block; None for standard output.
        form: `"csv"`, with the `columns`, or `"jsonl"`, one JSON object a line.
        top: Number of classes per image.

    Raises:
        FolderError: If the file cannot be written. Nothing is left of it.
    """
    if out is None:
        with contextlib.suppress(AttributeError):  # the name of a file need not be UTF-8
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        # A name must not command a terminal.
        yield _writer(sys.stdout, form, top, visible if sys.stdout.isatty() else str)
        sys.stdout.flush()
        return
    with contextlib.ExitStack() as stack:
        with _named(out):
            partial = stack.enter_context(replaced(out))
            file = partial.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            stack.callback(_close, file)
            write = _writer(file, form, top, str)

        def write_named(prediction: Prediction) -> None:
            with _named(out):
                write(prediction)

        yield write_named
        with _named(out):
            file.flush()


def _writer(file: IO[str], form: Form, top: int, shown: Callable[[str], str]) -> Write:
    if form == "csv":
        file.write(shown(_csv_line(columns(top))))
        return lambda prediction: _write(file, shown(_csv_line(_texts(prediction, top))))
    return lambda prediction: _write(file, shown(_json_line(prediction)))


def _write(file: IO[str], text: str) -> None:
    file.write(text)


def _texts(prediction: Prediction, top: int) -> list[str | None]:
    # Nine digits restore a float32 exactly.
    return [f"{value:.9g}" if isinstance(value, float) else value for value in prediction.row(top)]


def _csv_line(values: "list[str | None] | list[str]") -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()


def _json_line(prediction: Prediction) -> str:
    pairs = list(zip(prediction.classes, (float(f"{p:.9g}") for p in prediction.probabilities), strict=True))
    first = pairs[0] if pairs else (None, None)
    return (
        json.dumps(
            {
                "file": prediction.file,
                "class": first[0],
                "probability": first[1],
                "top": [{"class": name, "probability": probability} for name, probability in pairs],
                "problem": prediction.problem,
            }
        )
        + "\n"
    )


def _close(file: IO[str]) -> None:
    """Closes a file. After an error the rest of it cannot be written either."""
    with contextlib.suppress(OSError):
        file.close()


@contextlib.contextmanager
def _named(out: Path) -> Iterator[None]:
    """Raises an error of the system with the name of the file that was asked for."""
    try:
        yield
    except OSError as error:
        raise FolderError(f"{out} cannot be written: {error.strerror or error}. Nothing is left of it.") from error
