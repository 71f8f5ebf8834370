"""A stack of dense layers, with given widths or widths that narrow by a rule."""

from collections.abc import Sequence
from itertools import cycle
from typing import Literal

import keras
from keras import layers

from kerasclf.models.heads import drop
from kerasclf.models.sizes import activation_problems, share_problems

Narrowing = Literal["halving", "quartering", "alternating"]
_DIVISORS: dict[str, tuple[int, ...]] = {"halving": (2,), "quartering": (4,), "alternating": (4, 2)}


def dense_stack(
    x: keras.KerasTensor, hidden: Sequence[int] | Narrowing, num_classes: int, activation: str, dropout: float
) -> keras.KerasTensor:
    """Applies dense · activation · dropout for each hidden layer.

    Args:
        x: Tensor of shape (batch, features).
        hidden: Widths of the layers, or the rule by which they narrow.
        num_classes: Width at which narrowing ends.
        activation: Activation of each layer.
        dropout: Dropout rate after each layer.
    """
    widths = narrowing_widths(x.shape[-1], num_classes, hidden) if isinstance(hidden, str) else hidden
    for i, units in enumerate(widths, 1):
        x = layers.Dense(units, name=f"dense{i}_dense")(x)
        x = layers.Activation(activation, name=f"dense{i}_activation")(x)
        x = drop(x, dropout, f"dense{i}")
    return x


def narrowing_widths(inputs: int, num_classes: int, rule: Narrowing) -> tuple[int, ...]:
    """Returns the widths of hidden layers that narrow from `inputs` while more than `num_classes` remain.

    `narrowing_widths(3072, 10, "quartering")` is (768, 192, 48, 12).
    """
    widths: list[int] = []
    for divisor in cycle(_DIVISORS[rule]):
        inputs //= divisor
        if inputs <= num_classes:
            return tuple(widths)
        widths.append(inputs)
    raise AssertionError("unreachable: a cycle has no end")


def dense_problems(hidden: Sequence[int] | str, activation: str, dropout: float) -> list[str]:
    """Returns the faults of the arguments of a dense stack, one message each."""
    problems = []
    if isinstance(hidden, str) and hidden not in _DIVISORS:
        known = ", ".join(map(repr, _DIVISORS))
        problems.append(f"hidden: expected widths or one of {known}. Received: {hidden!r}.")
    if not isinstance(hidden, str) and not all(units >= 1 for units in hidden):
        problems.append(f"hidden: expected widths of at least 1. Received: {tuple(hidden)}.")
    return problems + activation_problems(activation=activation) + share_problems(dropout=dropout)
