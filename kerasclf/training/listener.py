"""Who is told how a training goes."""

from collections.abc import Sequence
from typing import Protocol

Row = dict[str, float]


class TrainingListener(Protocol):
    """Is told of one training's progress."""

    def log(self, line: str) -> None:
        """Takes a line for the user."""

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        """A training of so many epochs of so many steps begins; `rows` is the history it goes on from."""

    def stepped(self, epochs_done: int, step: int) -> None:
        """So many steps of the present epoch are done."""

    def finished_epoch(self, row: Row) -> None:
        """An epoch is done; `row` is its line of the history."""


class SilentTrainingListener:
    """A listener that passes nothing on."""

    def log(self, line: str) -> None: ...

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None: ...

    def stepped(self, epochs_done: int, step: int) -> None: ...

    def finished_epoch(self, row: Row) -> None: ...
