"""Callbacks for messages to the user (`Log`), and for the progress of a long step (`Track`)."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

Log = Callable[[str], None]
# Is told how many more images, or other units, are done.
Advance = Callable[[int], None]


class Track(Protocol):
    """Begins a step. Within the context that it returns, the step says how far it is."""

    def __call__(self, title: str, total: int, unit: str = "images") -> AbstractContextManager[Advance]:
        """Begins a step.

        Args:
            title: What the step does.
            total: Number of units.
            unit: What is counted.
        """


def untracked(title: str, total: int, unit: str = "images") -> AbstractContextManager[Advance]:
    """Begins a step that shows nothing."""
    return nullcontext(lambda count: None)
