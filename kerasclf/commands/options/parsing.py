"""From the text of an option to its value."""

import re
from typing import Literal

from kerasclf.errors import KerasclfError, in_short
from kerasclf.values import whole_number

_NUMBER = re.compile(r"-?[0-9]{1,9}")


def whole_numbers(flag: str, text: str, form: str, count: int) -> list[int]:
    """Reads sizes such as 64x64.

    Raises:
        KerasclfError: If the text has another form; the message names the flag.
    """
    numbers = [number for number in map(whole_number, text.lower().split("x")) if number]
    if len(numbers) != count or text.lower().count("x") != count - 1:
        raise KerasclfError(f"{flag}: expected {form}. Received: {in_short(text)}.")
    return numbers


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Reads --image-size: height and width in pixels."""
    if text is None:
        return None
    height, width = whole_numbers("--image-size", text, "HEIGHTxWIDTH, such as 64x64", 2)
    return height, width


def parse_jobs(text: str) -> int | Literal["auto"]:
    """Reads --jobs."""
    if text == "auto":
        return "auto"
    if not (jobs := whole_number(text)):
        raise KerasclfError(f"--jobs: expected a number of at least 1, or auto. Received: {in_short(text)}.")
    return jobs


def parse_repeats(text: str | None) -> int | tuple[int, int] | None:
    """Reads --repeats: a number of runs, or the least and the largest number."""
    if text is None:
        return None
    numbers = text.split("..")
    if len(numbers) > 2 or not all(_NUMBER.fullmatch(number) for number in numbers):
        raise KerasclfError(f"--repeats: expected a number of runs, or two such as 3..10. Received: {text!r}.")
    least, *most = map(int, numbers)
    return (least, most[0]) if most else least
