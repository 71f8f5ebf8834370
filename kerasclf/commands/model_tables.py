"""What `kerasclf models NAME` prints: the layers of a network and their sums."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import keras
from rich import box
from rich.console import Console
from rich.table import Table

from kerasclf.commands.words import say
from kerasclf.models import LayerRow, ReceptiveField, description, explain, totals

_LEGEND = (
    "memory: of the output, for one image. sees: pixels of the image that one value depends on / pixels from one value "
    "to the next. How they are counted: docs/networks.md"
)


def print_description(console: Console, name: str) -> None:
    """Prints what a network is and where it comes from."""
    for paragraph in description(name).split("\n\n"):
        say(console, textwrap.fill(" ".join(paragraph.split()), console.width) + "\n")


def print_totals(console: Console, model: keras.Model) -> None:
    """Prints what a network costs for one image."""
    sums = totals(model)
    trainable = "" if sums.trainable == sums.parameters else f" ({sums.trainable:,} train)"
    size, classes = "x".join(map(str, model.input.shape[1:])), model.output.shape[-1]
    say(
        console,
        f"{model.name}, {size}, {classes} classes: {sums.parameters:,} parameters{trainable} · "
        f"{amount(sums.multiply_adds)} multiply-adds · {amount(sums.memory)}B of outputs",
    )
    if sums.unknown:
        say(console, f"without the multiply-adds of {', '.join(sums.unknown)}, which are not known")


def print_layers(console: Console, model: keras.Model) -> None:
    """Prints a line for each layer; where the console is narrow, with fewer columns."""
    columns = _columns(explain(model))
    left_out = []
    while sum(column.width + 2 for column in columns) > console.width and (spare := _least_needed(columns)):
        left_out.append(spare.heading)
        columns.remove(spare)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 2, 0, 0), show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    console.print(table, highlight=False)
    say(console, textwrap.fill(_LEGEND, console.width))
    if left_out:
        say(console, f"Left out for want of width: {', '.join(reversed(left_out))}")
    say(console, "")


def amount(number: int) -> str:
    """Writes a count with four digits and a unit: 1.814 G, 469.7 k, 400."""
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            digits = max(0, 4 - len(str(number // size)))
            return f"{number / size:.{digits}f} {unit}"
    return f"{number} "


class _Column(NamedTuple):
    heading: str
    cells: tuple[str, ...]
    right: bool = False
    spare: int = 0  # those with the highest number are left out first; 0 is never left out

    @property
    def width(self) -> int:
        return max(map(len, (self.heading, *self.cells)))


def _columns(rows: Sequence[LayerRow]) -> list[_Column]:
    return [
        _Column("layer", tuple(row.name for row in rows)),
        _Column("kind", tuple(row.kind for row in rows), spare=1),
        _Column("output", tuple(" × ".join(map(str, row.output_shape)) for row in rows)),
        _Column("parameters", tuple(f"{row.parameters:,}" if row.parameters else "" for row in rows), right=True),
        _Column("multiply-adds", tuple(_multiply_adds(row) for row in rows), right=True),
        _Column("memory", tuple(f"{amount(row.memory)}B" for row in rows), right=True, spare=3),
        _Column("sees", tuple(_field(row.field) for row in rows), right=True, spare=2),
        _Column("(W − F + 2P)/S + 1", tuple(row.arithmetic for row in rows), spare=4),
    ]


def _least_needed(columns: list[_Column]) -> _Column | None:
    spare = max(columns, key=lambda column: column.spare)
    return spare if spare.spare else None


def _multiply_adds(row: LayerRow) -> str:
    if row.multiply_adds is None:
        return "?"
    return amount(row.multiply_adds).strip() if row.multiply_adds else ""


def _field(field: ReceptiveField) -> str:
    size = "all" if field.size is None else _one_or_two(field.size)
    return size if field.stride is None else f"{size}/{_one_or_two(field.stride)}"


def _one_or_two(pair: tuple[float, float]) -> str:
    down, right = pair
    return f"{down:g}" if down == right else f"{down:g}x{right:g}"
