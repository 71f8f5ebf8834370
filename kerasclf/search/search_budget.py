"""`Budget`: the limits of a search, and the clock that measures its time."""

import re
import time
from dataclasses import dataclass
from typing import Protocol

from kerasclf.errors import KerasclfError

_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
# A search that is killed loses at most this much of its time.
_SAVE_EVERY_S = 5.0


@dataclass(frozen=True)
class Budget:
    """The limits of a search, over every call that resumes it.

    Args:
        trials: Maximum number of trials; None for all that the oracle proposes.
        seconds: Maximum time in seconds; None for no limit.
        failures: Number of failed trials in a row, within one call, after which the search stops.
    """

    trials: int | None = None
    seconds: float | None = None
    failures: int = 5

    def problems(self, finite: bool) -> list[str]:
        """Returns the problems of the budget.

        Args:
            finite: Whether the oracle proposes a limited number of trials.
        """
        problems = []
        if self.trials is not None and self.trials < 1:
            problems.append(f"trials: expected at least 1. Received: {self.trials}.")
        if self.seconds is not None and not self.seconds > 0:
            problems.append(f"seconds: expected more than 0. Received: {self.seconds:g}.")
        if self.failures < 1:
            problems.append(f"failures: expected at least 1. Received: {self.failures}.")
        if self.trials is None and self.seconds is None and not finite:
            problems.append("budget: expected `trials`, `seconds` or both, because this oracle proposes without end.")
        return problems


class SpentTime(Protocol):
    """Keeps the time that earlier calls have spent, in seconds."""

    def spent_s(self) -> float: ...

    def write_spent(self, seconds: float) -> None: ...


class Clock:
    """Measures the time of a search, or of a training within a time budget, over all its calls.

    Args:
        folder: Where the time is saved.
        limit: Maximum time in seconds; None for no limit.
    """

    def __init__(self, folder: SpentTime, limit: float | None) -> None:
        self._folder, self._limit = folder, limit
        self._earlier, self._start = folder.spent_s(), time.monotonic()
        self._saved_at = self._start

    @property
    def earlier_s(self) -> float:
        """Seconds spent in earlier calls."""
        return self._earlier

    @property
    def spent_s(self) -> float:
        """Seconds spent in all calls."""
        return self._earlier + time.monotonic() - self._start

    @property
    def left_s(self) -> float | None:
        """Seconds left; None for no limit."""
        return None if self._limit is None else max(0.0, self._limit - self.spent_s)

    @property
    def over(self) -> bool:
        return self.left_s == 0.0

    def save(self, now: bool = False) -> None:
        """Saves the time, unless it was saved a moment ago.

        Args:
            now: Whether to save it in any case.
        """
        if now or time.monotonic() - self._saved_at > _SAVE_EVERY_S:
            self._saved_at = time.monotonic()
            self._folder.write_spent(self.spent_s)


def parse_duration(text: str, name: str) -> float:
    """Returns the seconds of a duration such as `90s`, `20m` or `20min`, `2h` or `1h30m`.

    Args:
        text: The duration.
        name: Name of the argument, for the error message.

    Raises:
        KerasclfError: If the text has another form.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)(min|[smhd])", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise KerasclfError(f"{name}: expected a duration such as 90s, 20m, 2h or 1h30m. Received: {text!r}.")
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
