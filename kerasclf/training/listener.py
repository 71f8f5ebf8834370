"""`TrainingListener`: receives the progress of a training."""

from collections.abc import Sequence
from typing import Protocol

Row = dict[str, float]


class TrainingListener(Protocol):
    """Receives the progress of one training."""

    def log(self, line: str) -> None:
        """Receives a message for the user, one line."""

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        """Is called when a training, or one of its phases, starts.

        Args:
            epochs: Number of epochs of the whole training.
            steps: Number of steps per epoch.
            rows: History of the epochs that are already finished.
        """

    def stepped(self, epochs_done: int, step: int) -> None:
        """Is called after `step` steps of the current epoch."""

    def finished_epoch(self, row: Row) -> None:
        """Is called after an epoch; `row` is its row of the history."""


class SilentTrainingListener:
    """A listener that ignores all progress."""

    def log(self, line: str) -> None: ...

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None: ...

    def stepped(self, epochs_done: int, step: int) -> None: ...

    def finished_epoch(self, row: Row) -> None: ...
