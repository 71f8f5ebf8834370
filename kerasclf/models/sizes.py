"""The checks that every builder makes of its sizes."""

from typing import Any

from kerasclf.errors import SizeError, listed


def check_sizes(
    name: str,
    input_shape: tuple[int, int, int],
    num_classes: int,
    least: int,
    choices: dict[str, tuple[Any, tuple[Any, ...]]] | None = None,
) -> None:
    """Checks what a builder was asked for.

    Args:
        name: The builder's name, for the message.
        input_shape: Height, width and channels.
        num_classes: Width of the output.
        least: The smallest height and width that the network can take.
        choices: Argument name → (value, values allowed).

    Raises:
        SizeError: One or more arguments cannot be used; all are listed.
    """
    problems = []
    if len(input_shape) != 3 or min(input_shape) < 1:
        problems.append(f"input_shape: expected (height, width, channels). Received: {tuple(input_shape)}.")
    elif min(input_shape[:2]) < least:
        problems.append(
            f"input_shape: expected images of at least {least}x{least}. Received: {input_shape[0]}x{input_shape[1]}."
        )
    if num_classes < 2:
        problems.append(f"num_classes: expected at least 2. Received: {num_classes}.")
    for argument, (value, allowed) in (choices or {}).items():
        if value not in allowed:
            names = ", ".join(repr(choice) for choice in allowed)
            problems.append(f"{argument}: expected one of {names}. Received: {value!r}.")
    if problems:
        raise SizeError(listed(f"{name} cannot be built", problems), least)
