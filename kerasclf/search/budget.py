"""How much a search may cost."""

import re
import time
from dataclasses import dataclass

from kerasclf.errors import KerasclfError
from kerasclf.search.search_folder import SearchFolder

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# So often the time is written down; a search that is killed forgets no more than this.
_KEEP_EVERY_S = 5.0


@dataclass(frozen=True)
class Budget:
    """How much a search may cost in all, over every call that goes on with it.

    Args:
        trials: Trials at most; None for as many as the oracle has.
        seconds: Seconds at most; None for no limit.
        failures: After so many failed trials in a row, in one call, it stops.
    """

    trials: int | None = None
    seconds: float | None = None
    failures: int = 5

    def problems(self, ends_by_itself: bool) -> list[str]:
        """Returns what is wrong with it.

        Args:
            ends_by_itself: Whether the oracle has an end of its own.
        """
        found = []
        if self.trials is not None and self.trials < 1:
            found.append(f"trials: expected at least 1. Received: {self.trials}.")
        if self.seconds is not None and not self.seconds > 0:
            found.append(f"seconds: expected more than 0. Received: {self.seconds:g} s.")
        if self.failures < 1:
            found.append(f"failures: expected at least 1. Received: {self.failures}.")
        if self.trials is None and self.seconds is None and not ends_by_itself:
            found.append("budget: expected `trials`, `seconds` or both; this oracle never ends by itself.")
        return found


class Clock:
    """Counts the time of a search over all its calls."""

    def __init__(self, folder: SearchFolder, limit: float | None) -> None:
        self._folder, self._limit = folder, limit
        self._earlier, self._began = folder.spent_s(), time.monotonic()
        self._kept = self._began

    @property
    def spent_s(self) -> float:
        """Seconds in all."""
        return self._earlier + time.monotonic() - self._began

    @property
    def left_s(self) -> float | None:
        """Seconds that are left; None without a limit."""
        return None if self._limit is None else max(0.0, self._limit - self.spent_s)

    @property
    def over(self) -> bool:
        return self.left_s == 0.0

    def keep(self, now: bool = False) -> None:
        """Writes the time down, if that was not done just before."""
        if now or time.monotonic() - self._kept > _KEEP_EVERY_S:
            self._kept = time.monotonic()
            self._folder.write_spent(self.spent_s)


def parse_duration(text: str, flag: str) -> float:
    """Returns the seconds of a duration such as `90s`, `20m`, `2h` or `1h30m`.

    Raises:
        KerasclfError: It has another form; the message names the flag.
    """
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text.strip().lower())
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lower():
        raise KerasclfError(f"{flag}: expected a duration such as 90s, 20m, 2h or 1h30m. Received: {text!r}.")
    return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
