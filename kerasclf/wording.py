"""Words for numbers and lists in messages and reports."""

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun in the right form: "1 run", "2 runs", "1,000 classes", "0 batches"."""
    plural = f"{noun}es" if noun.endswith(("s", "tch", "x")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def in_words(items: Sequence[object]) -> str:
    """Returns items as a phrase, such as "a, b and c"."""
    *first, last = map(str, items)
    return " and ".join(filter(None, [", ".join(first), last]))
