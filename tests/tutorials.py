"""A tutorial as its reader follows it: files to write, commands to give, and the lines that they print."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

_BLOCK = re.compile(r"^```(\S*)(?: title=\"([^\"\n]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HASH = re.compile(r"\b[0-9a-f]{8}\b")
_NUMBER = re.compile(r"[+−-]?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
# Their length depends on a measured value or on the width of a table.
_FILLING = re.compile(r"[━─▁-█]+|\s+")


class Step(NamedTuple):
    """A step of a tutorial.

    Args:
        file: Name of a file to write, or nothing.
        content: The content of the file.
        commands: The commands to give, without comments.
        shown: The output that the page shows below the commands.
    """

    file: str = ""
    content: str = ""
    commands: tuple[str, ...] = ()
    shown: str = ""


def steps(text: str) -> list[Step]:
    """Returns the steps of a page: its titled blocks are files, its blocks of commands may have an output below."""
    found: list[Step] = []
    for language, title, body in _BLOCK.findall(text):
        lines = [line.partition("   #")[0].rstrip() for line in body.splitlines()]
        if title:
            found.append(Step(file=title, content=body))
        elif not language and all(re.match(r"(kerasclf|python|pip) ", line) for line in lines):
            found.append(Step(commands=tuple(lines)))
        elif not language and found and found[-1].commands and not found[-1].shown:
            found[-1] = found[-1]._replace(shown=body)
    return found


def give(command: str, environment: dict[str, str]) -> str:
    """Gives a command in the current folder, with this Python, and returns all that it prints."""
    program, *words = shlex.split(command)
    assert program in ("kerasclf", "python"), command
    start = [sys.executable, "-m", "kerasclf"] if program == "kerasclf" else [sys.executable]
    done = subprocess.run([*start, *words], capture_output=True, text=True, env=environment, check=False)
    findings = command.startswith("kerasclf check ")  # which ends with 1 if some matter
    assert done.returncode in ((0, 1) if findings else (0,)), f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def unlike(shown: str, printed: str) -> list[str]:
    """Returns the shown lines that were not printed. Numbers, hashes, lengths of bars and ends after … may differ."""
    known = [_form(line) for line in printed.splitlines()]
    return [line for line in shown.splitlines() if not any(_agree(_form(line), one) for one in known)]


def _form(line: str) -> str:
    return _FILLING.sub(" ", _NUMBER.sub("0", _HASH.sub("0", line))).strip()


def _agree(shown: str, printed: str) -> bool:
    if not shown or shown == "…":
        return True
    return printed.startswith(shown.removesuffix("…").rstrip()) if shown.endswith("…") else printed == shown


def write(file: str, content: str) -> None:
    """Writes a file of a tutorial."""
    Path(file).write_text(content, encoding="utf-8")
