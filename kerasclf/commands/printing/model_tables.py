"""The tables that `kerasclf models NAME` prints: the layers of a network, and their totals."""

from collections.abc import Sequence
from typing import NamedTuple

import keras
from rich import box
from rich.console import Console
from rich.table import Table

from kerasclf.commands.printing.output import say, say_wrapped
from kerasclf.models import LayerRow, ReceptiveField, description, explain, totals

_GAP = 3  # characters between two columns
_LEGEND = (
    "memory: size of the output for one image. sees: receptive field in pixels / distance in pixels between the fields "
    "of neighbouring values. docs/networks.md says how they are counted."
)


def print_description(console: Console, name: str) -> None:
    """Prints the description of a network and its source."""
    for paragraph in description(name).split("\n\n"):
        say_wrapped(console, " ".join(paragraph.split()))
        say(console, "")


def print_totals(console: Console, model: keras.Model) -> None:
    """Prints the cost of a network for one image."""
    sums = totals(model)
    fixed = sums.parameters - sums.trainable
    trainable = f" ({fixed:,} of them running averages or constants)" if fixed else ""
    size, classes = "x".join(map(str, model.input.shape[1:])), model.output.shape[-1]
    say_wrapped(
        console,
        f"{model.name}, {size}, {classes} classes: {sums.parameters:,} parameters{trainable} · "
        f"{amount(sums.multiply_adds)} multiply-adds · {amount(sums.memory, 'B')} of outputs",
    )
    if sums.unknown:
        say_wrapped(console, f"The multiply-adds of {', '.join(sums.unknown)} are unknown and not included.")


def print_layers(console: Console, model: keras.Model) -> None:
    """Prints one line per layer, with fewer columns on a narrow console."""
    every = _columns(explain(model))
    columns = _fitting(every, console.width)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, _GAP - 1, 0, 0), show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for cells in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*cells)
    console.print(table, highlight=False)
    say_wrapped(console, _LEGEND)
    if left_out := [column.heading for column in every if column not in columns]:
        say_wrapped(console, f"Columns left out on this narrow console: {', '.join(left_out)}")
    say(console, "")


def amount(number: int, unit: str = "") -> str:
    """Writes a count with four digits: 1.814 G, 469.7 k, 400; with a unit 1.814 GB, 400 B."""
    for size, prefix in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            digits = max(0, 4 - len(str(number // size)))
            return f"{number / size:.{digits}f} {prefix}{unit}"
    return f"{number} {unit}".strip()


class _Column(NamedTuple):
    heading: str
    cells: tuple[str, ...]
    right: bool = False
    spare: int = 0  # 0 is always shown; the others in ascending order while there is room

    @property
    def width(self) -> int:
        return max(map(len, (self.heading, *self.cells)))


def _columns(rows: Sequence[LayerRow]) -> list[_Column]:
    return [
        _Column("layer", tuple(row.name for row in rows)),
        _Column("kind", tuple(row.kind for row in rows), spare=2),
        _Column("output", tuple(" × ".join(map(str, row.output_shape)) for row in rows)),
        _Column("parameters", tuple(f"{row.parameters:,}" if row.parameters else "" for row in rows), right=True),
        _Column("multiply-adds", tuple(_multiply_adds(row) for row in rows), right=True),
        _Column("memory", tuple(amount(row.memory, "B") for row in rows), right=True, spare=3),
        _Column("sees", tuple(_field(row.field) for row in rows), right=True, spare=1),
        _Column("(W − F + 2P)/S + 1", tuple(row.arithmetic for row in rows), spare=4),
    ]


def _fitting(columns: list[_Column], width: int) -> list[_Column]:
    chosen: list[_Column] = []
    for column in sorted(columns, key=lambda column: column.spare):
        if not column.spare or sum(shown.width + _GAP for shown in [*chosen, column]) <= width:
            chosen.append(column)
    return [column for column in columns if column in chosen]


def _multiply_adds(row: LayerRow) -> str:
    if row.multiply_adds is None:
        return "?"
    return amount(row.multiply_adds) if row.multiply_adds else ""


def _field(field: ReceptiveField) -> str:
    size = "all" if field.size is None else _one_or_two(field.size)
    return size if field.stride is None else f"{size}/{_one_or_two(field.stride)}"


def _one_or_two(pair: tuple[float, float]) -> str:
    down, right = pair
    return f"{down:g}" if down == right else f"{down:g}x{right:g}"
