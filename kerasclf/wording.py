"""Words for numbers, sizes, durations and lists in messages and reports."""

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun in the right form: "1 run", "2 runs", "1,000 classes", "0 batches"."""
    plural = f"{noun}es" if noun.endswith(("s", "tch", "x")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def in_words(items: Sequence[object]) -> str:
    """Returns items as a phrase, such as "a, b and c"."""
    *first, last = map(str, items)
    return " and ".join(filter(None, [", ".join(first), last]))


def format_bytes(size: float) -> str:
    """Returns a size in bytes as text with a decimal unit: "12 MB" or "1.6 GB"."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            value = size / factor
            return f"{value:.1f} {unit}" if value < 9.95 else f"{value:,.0f} {unit}"
    return f"{size:.0f} B"


def format_duration(seconds: float) -> str:
    """Returns a duration as text: "3 ms", "0.08 s", "12 s", "3 min" or "2.0 h"."""
    if 0.0005 < seconds < 0.0095:
        return f"{1000 * seconds:.0f} ms"
    if 0.0005 < seconds < 0.95:
        return f"{seconds:.1g} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def as_clock(seconds: float) -> str:
    """Returns a duration as minutes and seconds, with hours if there are any: "2:10" or "1:05:30".

    Example:
        >>> from kerasclf.wording import as_clock
        >>> as_clock(4.4), as_clock(130), as_clock(3930)
        ('0:04', '2:10', '1:05:30')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
