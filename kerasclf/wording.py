"""Words for numbers in messages and reports."""


def counted(count: int, noun: str) -> str:
    """Returns a number with its noun in the right form: "1 run", "2 runs", "1,000 classes", "0 batches"."""
    plural = f"{noun}es" if noun.endswith(("s", "tch", "x")) else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
