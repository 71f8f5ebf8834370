"""Checks that `TrainConfig` and `Schedule` share."""

from collections.abc import Sequence
from dataclasses import fields

from kerasclf.values import Value

# The metrics that a schedule or early stopping can monitor.
MONITORS = ("val_accuracy", "val_loss", "accuracy", "loss")


def unused_fields(value: Value, owner: str, used: Sequence[str]) -> list[str]:
    """Returns a problem for each field that differs from its default although `owner` ignores it."""
    return [
        f"{f.name}: {owner} does not use it."
        for f in fields(value)  # type: ignore[arg-type]
        if f.name not in used and getattr(value, f.name) != f.default
    ]


def at_least(value: Value, minimum: int, *names: str) -> list[str]:
    """Returns a problem for each of the named fields that is below `minimum`, or not a number."""
    kind = "a number of " if minimum == 0 else ""
    return [
        f"{name}: expected {kind}at least {minimum}. Received: {getattr(value, name)!r}."
        for name in names
        if not getattr(value, name) >= minimum
    ]
