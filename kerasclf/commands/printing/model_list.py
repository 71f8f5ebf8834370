"""The list that `kerasclf models` prints: the networks by family. Needs no TensorFlow."""

from collections.abc import Sequence

from rich.console import Console

from kerasclf.commands.printing.output import say, say_wrapped
from kerasclf.networks.network_list import read_list

_CAPTION = (
    "Parameters: trainable ones, for the default input and number of classes. Minimum: the smallest image. "
    "kerasclf models NAME explains a network."
)


def print_list(console: Console) -> None:
    """Prints every network of the catalogue, by family."""
    families, entries = read_list()
    heads = [("network", "parameters", "input", "minimum")]
    for known in entries:
        size = "x".join(map(str, known.input_shape))
        heads.append((known.name, f"{known.parameters:,}", size, f"{known.least}x{known.least}"))
    lines = _aligned(heads, right=(1,))
    say(console, f"  {lines[0]}")
    for family, sentence in families.items():
        say_wrapped(console, f"{family}: {sentence}", rest="  ")
        for known, line in zip(entries, lines[1:], strict=True):
            if known.family == family:
                _say_next_to(console, f"  {line}  ", known.sentence)
    say(console, "")
    say_wrapped(console, _CAPTION)


def _aligned(rows: Sequence[Sequence[str]], right: Sequence[int]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _say_next_to(console: Console, left: str, text: str) -> None:
    """Prints a text to the right of another one, or below it if the console is narrow."""
    room = console.width - len(left)
    if not text:
        say(console, left.rstrip())
    elif room >= min(len(text), 50):
        say_wrapped(console, text, left, " " * len(left))
    else:
        say(console, left.rstrip())
        say_wrapped(console, text, " " * 6, " " * 6)
