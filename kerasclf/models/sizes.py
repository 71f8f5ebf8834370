"""Checks of the arguments of builders."""

from collections.abc import Sequence
from typing import Any

import keras

from kerasclf.errors import SizeError, listed


def check_sizes(
    name: str,
    input_shape: tuple[int, int, int],
    num_classes: int,
    least: int,
    choices: dict[str, tuple[Any, tuple[Any, ...]]] | None = None,
    problems: Sequence[str] = (),
) -> None:
    """Checks the arguments of a builder.

    Args:
        name: Name of the builder, for the message.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        least: Minimum height and width of the input, in pixels.
        choices: Argument name → (value, allowed values).
        problems: Faults found by other checks.

    Raises:
        SizeError: If an argument cannot be used; all faults are listed.
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
    if found or problems:
        raise SizeError(listed(f"{name} cannot be built", [*found, *problems]), least)


def share_problems(**shares: float) -> list[str]:
    """Returns the faults of shares, given by argument name, one message each."""
    return [
        f"{name}: expected a share from 0 to below 1. Received: {share}."
        for name, share in shares.items()
        if not 0 <= share < 1
    ]


def activation_problems(**activations: str) -> list[str]:
    """Returns the faults of activations, given by argument name, one message each."""
    problems = []
    for name, activation in activations.items():
        try:
            keras.activations.get(activation)
        except ValueError:
            problems.append(f"{name}: expected the name of an activation of Keras. Received: {activation!r}.")
    return problems
