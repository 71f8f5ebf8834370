"""`StopInTime`: a listener that stops a training when its time is over."""

from collections.abc import Callable, Sequence

from kerasclf.training.listener import Row, SilentTrainingListener, TrainingListener
from kerasclf.training.resuming.halting import Halted


class StopInTime:
    """Raises `Halted` in the first step of an epoch that would end too late, or when the time is over.

    The checkpoint of the last finished epoch stays, so nothing but the steps of the current epoch is lost.

    Args:
        left_s: Returns the seconds that are left for the epochs.
        least: Number of epochs that are trained in any case.
    """

    def __init__(self, left_s: Callable[[], float], least: int = 0) -> None:
        self.rows: list[Row] = []
        self._left_s, self._least = left_s, least
        self._listener: TrainingListener = SilentTrainingListener()
        self._epoch, self._epoch_s, self._left_at_start = -1, 0.0, 0.0

    def around(self, listener: TrainingListener) -> "StopInTime":
        """Passes all progress on to another listener, too."""
        self._listener = listener
        return self

    def log(self, line: str) -> None:
        self._listener.log(line)

    def began(self, epochs: int, steps: int, rows: Sequence[Row]) -> None:
        self.rows, self._epoch, self._epoch_s = list(rows), -1, 0.0
        self._listener.began(epochs, steps, rows)

    def stepped(self, epochs_done: int, step: int) -> None:
        self._listener.stepped(epochs_done, step)
        left_s = self._left_s()
        starts = epochs_done != self._epoch
        if starts:
            # The first epoch of a phase, which traces the graph, is not timed: its start is unknown.
            self._epoch_s = self._left_at_start - left_s if self._epoch >= 0 else 0.0
            self._epoch, self._left_at_start = epochs_done, left_s
        if epochs_done >= self._least and (left_s <= 0 or (starts and left_s < self._epoch_s)):
            raise Halted(f"after epoch {epochs_done}: its time is over", self.rows)

    def finished_epoch(self, row: Row) -> None:
        self.rows.append(row)
        self._listener.finished_epoch(row)
