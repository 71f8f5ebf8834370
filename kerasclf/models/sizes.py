"""The checks that every builder makes of its sizes."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasclf.errors import raise_all


def check_sizes(
    name: str,
    input_shape: tuple[int, int, int],
    num_classes: int,
    least: int,
    choices: dict[str, tuple[Any, tuple[Any, ...]]] | None = None,
    problems: Sequence[str] = (),
) -> None:
    """Checks what a builder was asked for.

    Args:
        name: The builder's name, for the message.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        least: The smallest height and width that the network can take.
        choices: Argument name → (value, values allowed).
        problems: What else is wrong.

    Raises:
        KerasclfError: One or more arguments cannot be used; all are listed.
    """
    found = []
    if len(input_shape) != 3 or min(input_shape) < 1:
        found.append(f"input_shape: expected (height, width, channels). Received: {tuple(input_shape)}.")
    elif min(input_shape[:2]) < least:
        found.append(
            f"input_shape: expected images of at least {least}x{least}. Received: {input_shape[0]}x{input_shape[1]}."
        )
    if num_classes < 2:
        found.append(f"num_classes: expected at least 2. Received: {num_classes}.")
    for argument, (value, allowed) in (choices or {}).items():
        if value not in allowed:
            names = ", ".join(repr(choice) for choice in allowed)
            found.append(f"{argument}: expected one of {names}. Received: {value!r}.")
    raise_all(f"{name} cannot be built", [*found, *problems])


def share_problems(**shares: float) -> list[str]:
    """Returns what is wrong with shares to drop, by argument name."""
    return [
        f"{name}: expected a share from 0 to below 1. Received: {share}."
        for name, share in shares.items()
        if not 0 <= share < 1
    ]


def activation_problems(**activations: str) -> list[str]:
    """Returns what is wrong with names of activations, by argument name."""
    problems = []
    for name, activation in activations.items():
        try:
            keras.activations.get(activation)
        except ValueError:
            problems.append(f"{name}: expected the name of an activation of Keras. Received: {activation!r}.")
    return problems
