"""The progress of a command over many images: a bar in a terminal, a line from time to time elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kerasclf.commands.printing.output import say
from kerasclf.log import Advance
from kerasclf.wording import format_duration

_EVERY_S = 10.0  # seconds between two lines


class ImageProgress:
    """Counts images and shows how many are done, with images/s and the time left. Use it as a context manager.

    Args:
        total: Number of images; None if it is unknown.
        console: Where to show it.
        bar: Whether a bar may be shown; otherwise there are plain lines.
        unit: What is counted.
    """

    def __init__(self, total: int | None, console: Console, bar: bool, unit: str = "images") -> None:
        self.total, self.console, self.unit, self.done = total, console, unit, 0
        self._started = self._said = time.monotonic()
        self._shows_bar = bar and console.is_terminal
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
        self._bars = Progress(*columns, console=console, transient=True, disable=not self._shows_bar)
        self._task = self._bars.add_task("", total=total, rate="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    @property
    def rate(self) -> str:
        """Images, or other units, per second since the start, as text."""
        seconds = time.monotonic() - self._started
        return f"{self.done / max(seconds, 1e-9):,.0f} {self.unit}/s"

    def advance(self, count: int = 1) -> None:
        """Counts one image, or several."""
        self.done += count
        if self._shows_bar:
            self._bars.update(self._task, completed=self.done, rate=self.rate)
        elif (now := time.monotonic()) - self._said >= _EVERY_S:
            self._said = now
            say(self.console, self._line(now))

    def _line(self, now: float) -> str:
        if self.total is None:
            return f"{self.done:,} {self.unit}  {self.rate}"
        left_s = (now - self._started) / self.done * (self.total - self.done)
        return f"{self.done:,} of {self.total:,} {self.unit}  {self.rate}  {format_duration(left_s)} left"


@contextmanager
def tracked(console: Console, title: str, total: int, unit: str = "images") -> Iterator[Advance]:
    """Names a long step of a command, and shows its progress: a `Track`."""
    say(console, title)
    with ImageProgress(total, console, bar=True, unit=unit) as progress:
        yield progress.advance
