"""What the commands read and say alike."""

import textwrap

from rich.console import Console

from kerasclf.errors import KerasclfError


def say(console: Console, line: str) -> None:
    """Prints a line as it is, however wide the console."""
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def say_wrapped(console: Console, text: str, first: str = "", rest: str = "") -> None:
    """Prints a text in lines as wide as the console, broken between words.

    Args:
        console: Where it is printed.
        text: One paragraph.
        first: What stands before its first line.
        rest: What stands before the others.
    """
    say(console, textwrap.fill(text, console.width, initial_indent=first, subsequent_indent=rest))


def whole_numbers(flag: str, text: str, form: str, count: int) -> list[int]:
    """Reads sizes such as 64x64.

    Raises:
        KerasclfError: The text has another form; the message names the flag.
    """
    numbers = text.lower().split("x")
    if len(numbers) != count or not all(number.isdecimal() and int(number) > 0 for number in numbers):
        raise KerasclfError(f"{flag}: expected {form}. Received: {text!r}.")
    return [int(number) for number in numbers]


def folder_name(what: str, data: str, how: str, quick: bool, reduced: bool = False) -> str:
    """Returns the name of a folder of runs below runs/."""
    words = "".join(c if c.isalnum() else "-" for c in data).strip("-")[-60:]
    return "-".join([what, words, how, *(["quick"] if quick else ["reduced"] if reduced else [])])
