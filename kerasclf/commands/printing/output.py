"""How the commands print: lines, paragraphs, folder names, and library errors with flags for arguments."""

import os
import re
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from kerasclf.commands.options.option_fields import flags_of
from kerasclf.data.specs import complete_spec
from kerasclf.errors import FolderError
from kerasclf.escaping import visible
from kerasclf.files.locks import check_permission
from kerasclf.files.new_folder import already_exists
from kerasclf.log import Log

# What an interrupted command leaves that trains.
RUNS_RESUME = "Finished runs are complete, the others keep their last epoch. Repeat the command to resume."


def say(console: Console, line: str) -> None:
    """Prints a line as it is, whatever the width of the console; control characters become visible."""
    console.print(visible(line), highlight=False, markup=False, soft_wrap=True)


def print_text(text: str) -> None:
    """Prints a long text. The command ends with 1, as others do, if the reader of the text has enough."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        end_without_reader()


def end_without_reader() -> NoReturn:
    """Ends the command with 1 and no message: the reader of its output, such as head, has enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)


def log_to(console: Console) -> Log:
    """Returns the callback that prints progress messages."""
    return lambda line: say(console, line)


def say_wrapped(console: Console, text: str, first: str = "", rest: str = "") -> None:
    """Prints a paragraph, wrapped to the width of the console.

    Args:
        console: Where to print.
        text: The paragraph.
        first: The indent of its first line.
        rest: The indent of its other lines.
    """
    say(console, textwrap.fill(text, console.width, initial_indent=first, subsequent_indent=rest))


def say_model_card(folder: Path, console: Console) -> None:
    """Writes the card of the chosen model of a study or a search, and prints its path, or why there is none."""
    from kerasclf.report.model_card import write_model_card

    try:
        say(console, f"model card: {write_model_card(folder)}")
    except (FolderError, OSError) as error:  # the report is written all the same
        say(console, f"no model card: {error}")


def folder_within(folder: Path, name: str) -> Path:
    """Returns the folder for results in another folder, which may come from a stranger.

    Raises:
        FolderError: If a link leads it elsewhere.
    """
    within = folder / name
    if not within.resolve().is_relative_to(folder.resolve()):
        raise FolderError(
            f"{within} is a link to {within.resolve()}. Remove the link, or give another folder as `out`."
        )
    return within


def folder_name(what: str, data: str, how: str, size: str = "full") -> str:
    """Returns the name of a folder in runs/."""
    words = "".join(c if c.isalnum() else "-" for c in complete_spec(data)).strip("-")[-60:]
    return "-".join([what, words, how, *([] if size == "full" else [size])])


def with_flags(message: str, command: Any) -> str:
    """Returns a library's message in which arguments of a command are replaced by its flags.

    A library error names an argument in backticks, or before a colon at the start of a line: "epochs: expected at
    least 1." becomes "--epochs: expected at least 1."

    Args:
        message: The message.
        command: The command. Its `FLAGS`, if any, map arguments of the library to flags with another name.
    """
    own = {name: flag for name, flag in flags_of(type(command)).items() if flag.startswith("--")}
    extra: Mapping[str, str] = getattr(command, "FLAGS", {})
    flags = {**own, **extra}

    def flag(match: re.Match[str]) -> str:
        return match["before"] + flags[match["name"]] + match["after"] if match["name"] in flags else match[0]

    at_start = re.compile(r"^(?P<before>\s*(?:- )?)(?:[a-z]+\.)?(?P<name>[a-z_0-9]+)(?P<after>:)", re.MULTILINE)
    in_backticks = re.compile(r"(?P<before>)`(?P<name>[a-z_0-9]+)`(?P<after>)")
    return in_backticks.sub(flag, at_start.sub(flag, message))


def check_new_file(out: Path) -> None:
    """Checks that the file of --out does not exist yet, and may be written.

    Raises:
        FolderError: If it does, or may not.
    """
    if out.exists():
        raise FolderError(already_exists(out))
    check_permission(out, out.parent)
