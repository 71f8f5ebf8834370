"""Writes predictions one by one: as CSV or as JSON lines, to a file that appears when it is whole, or to the screen."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Literal

from kerasclf.errors import FolderError
from kerasclf.escaping import visible
from kerasclf.files.csv_files import csv_text
from kerasclf.files.writing import replaced
from kerasclf.inference.predictions import NO_PROMISES, Prediction, Promises, Value, columns

Form = Literal["csv", "jsonl"]
Write = Callable[[Prediction], None]


@contextlib.contextmanager
def prediction_writer(out: Path | None, form: Form, top: int, promises: Promises = NO_PROMISES) -> Iterator[Write]:
    """Yields a function that writes one prediction.

    Args:
        out: The file, which appears at the end of the block; None for standard output.
        form: `"csv"`, with the `columns`, or `"jsonl"`, one JSON object a line.
        top: Number of classes per image.
        promises: The rules that add columns.

    Raises:
        FolderError: If the file cannot be written. Nothing is left of it.
    """
    if out is None:
        with contextlib.suppress(AttributeError):  # the name of a file need not be UTF-8
            sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
        # A name must not command a terminal.
        yield _writer(sys.stdout, form, top, promises, visible if sys.stdout.isatty() else str)
        sys.stdout.flush()
        return
    with contextlib.ExitStack() as stack:
        with _named(out):
            partial = stack.enter_context(replaced(out))
            file = partial.open("w", encoding="utf-8", errors="surrogateescape", newline="")
            stack.callback(_close, file)
            write = _writer(file, form, top, promises, str)

        def write_named(prediction: Prediction) -> None:
            with _named(out):
                write(prediction)

        yield write_named
        with _named(out):
            file.flush()


def _writer(file: IO[str], form: Form, top: int, promises: Promises, shown: Callable[[str], str]) -> Write:
    if form == "csv":
        file.write(shown(csv_text([columns(top, promises)])))
        return lambda prediction: _write(file, shown(_csv_line(prediction, top, promises)))
    return lambda prediction: _write(file, shown(_json_line(prediction, promises)))


def _write(file: IO[str], text: str) -> None:
    file.write(text)


def _text(value: Value) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.9g}"  # nine digits restore a float32 exactly
    if isinstance(value, tuple):  # names may hold any separator
        return json.dumps(value, ensure_ascii=False)
    return value


def _csv_line(prediction: Prediction, top: int, promises: Promises) -> str:
    return csv_text([[_text(value) for value in prediction.row(top, promises)]])


def _json_line(prediction: Prediction, promises: Promises) -> str:
    pairs = list(zip(prediction.classes, (float(f"{p:.9g}") for p in prediction.probabilities), strict=True))
    first = pairs[0] if pairs else (None, None)
    promised = {"abstained": prediction.abstained, "set": prediction.class_set}
    return (
        json.dumps(
            {
                "file": prediction.file,
                "class": first[0],
                "probability": first[1],
                "top": [{"class": name, "probability": probability} for name, probability in pairs],
                **{name: promised[name] for name in promises.columns},
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
