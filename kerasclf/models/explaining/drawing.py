"""`draw`: draws a network as text."""

from collections.abc import Sequence

import keras

from kerasclf.models.explaining.folding import fold
from kerasclf.models.explaining.outline import Element, Fork, Line, Repeat, outline

_GAP = "   "
_MAX_TEXT = 64

Row = tuple[str, str, str]


def draw(model: keras.Model, width: int = 140) -> str:
    """Draws a network as text, with branches below each other and repeated blocks only once.

    Args:
        model: A functional network.
        width: Maximum number of characters per line; the layers' names are left out if they do not fit.

    Returns:
        Lines with layers, the output shape of the last of them and the name of the first.

    Raises:
        KerasclfError: If the network is not functional, or uses a layer more than once.
    """
    rows = _rows(fold(outline(model)), "", "")
    columns = [max(len(row[column]) for row in rows) for column in range(3)]
    shown = 3 if sum(columns) + 2 * len(_GAP) <= width else 2
    lines = (_GAP.join(text.ljust(columns[i]) for i, text in enumerate(row[:shown])) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _rows(elements: Sequence[Element], first: str, rest: str) -> list[Row]:
    """Returns the rows of elements, with the prefix `first` on the first line and `rest` on the others."""
    rows: list[Row] = []
    for element in _joined(elements):
        prefix = rest if rows else first
        if isinstance(element, Line):
            rows.append((prefix + element.text, _shape(element), element.name))
        elif isinstance(element, Repeat):
            rows += _repeated(element, prefix, rest)
        else:
            rows += _branches(element, prefix, rest)
    return rows


def _repeated(repeat: Repeat, first: str, rest: str) -> list[Row]:
    body = _joined(repeat.body)
    if len(body) == 1 and isinstance(body[0], Line):
        return [(f"{first}{repeat.times} times {body[0].text}", _shape(body[0]), body[0].name)]
    return [(f"{first}{repeat.times} times", "", ""), *_rows(body, f"{rest}┊ ", f"{rest}┊ ")]


def _branches(fork: Fork, first: str, rest: str) -> list[Row]:
    rows: list[Row] = []
    for number, branch in enumerate(fork.branches, 1):
        mark, below = ("├─ ", "│  ") if number < len(fork.branches) else ("└─ ", "   ")
        prefix = rest if rows else first
        rows += _rows(branch, prefix + mark, rest + below) if branch else [(f"{prefix}{mark}as it is", "", "")]
    return rows


def _joined(elements: Sequence[Element]) -> list[Element]:
    """Joins each large layer with the small ones around it in one line."""
    joined: list[Element] = []
    for element in elements:
        before = joined[-1] if joined else None
        if isinstance(element, Line) and isinstance(before, Line) and _share_a_line(before, element):
            text, small = f"{before.text} · {element.text}", before.small and element.small
            joined[-1] = Line(text, element.shape, before.name, small, before.opens and small, element.last_shape)
        else:
            joined.append(element)
    return joined


def _share_a_line(before: Line, line: Line) -> bool:
    fits = len(before.text) + len(line.text) + 3 <= _MAX_TEXT
    return fits and (before.small or line.small) and not line.opens


def _shape(line: Line) -> str:
    text = " × ".join(map(str, line.shape))
    grown = line.last_shape and line.last_shape != line.shape
    return f"{text} … {line.last_shape[-1]}" if grown else text
