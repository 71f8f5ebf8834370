"""Makes names and texts harmless where they are shown: one function per medium. HTML is escaped by Jinja.

A name of a file or a class may hold anything: control characters that command a terminal, marks that reverse the
direction of text, and the markup of each medium.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

# Control characters except tab and line feed, lone surrogates, and marks that reverse or break lines.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile(r"[\t\n]")
_MARKDOWN = re.compile(r"[\\`*\[\]|$~#]|(?<!\w)_|_(?!\w)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# A longer name leaves no room for the figure.
_MAX_IN_FIGURE = 48
_TAIL_IN_FIGURE = 15


def visible(text: str) -> str:
    r"""Returns a text with control characters as escapes, such as `\x1b`. Use it for terminals and pages.

    Tabs and line feeds stay, and so does every other text.
    """
    return _UNSEEN.sub(_escape, text)


def on_one_line(text: str) -> str:
    """Returns `visible` text in which tabs and line feeds are escapes too."""
    return _BREAKS.sub(_escape, visible(text))


def for_console(text: object) -> "Text":
    """Returns a text for rich, which shows it as it is: markup and emoji codes have no effect."""
    from rich.text import Text

    return Text(visible(str(text)))


def for_figure(text: str, most: int = _MAX_IN_FIGURE) -> str:
    """Returns a name for matplotlib: one line, without mathematics, and never left out of a legend.

    Args:
        text: The name.
        most: Maximum number of characters. A longer name keeps its start and its end.
    """
    text = on_one_line(text)
    if len(text) > most:
        text = f"{text[: most - _TAIL_IN_FIGURE - 1]}…{text[-_TAIL_IN_FIGURE:]}"
    # matplotlib leaves names with a leading underscore, and empty ones, out of legends.
    return f"{' ' if text[:1] in ('', '_') else ''}{text.replace('$', chr(92) + '$')}"


def for_markdown(text: str) -> str:
    """Returns a text for Markdown, also in a table: one line, without markup and HTML."""
    return _MARKDOWN.sub(r"\\\g<0>", _BREAKS.sub(" ", visible(text)).translate(_ENTITIES))


def markdown_code(text: str) -> str:
    """Returns a text as inline code for Markdown, also in a table."""
    text = on_one_line(text)
    if "`" in text or "\\|" in text:
        return f"<code>{for_markdown(text)}</code>"
    return f"`{text.replace('|', chr(92) + '|')}`"


def markdown_block(text: str) -> str:
    """Returns a text as a block of code for Markdown. Its fence is longer than any fence within."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}\n{visible(text)}\n{fence}"


def for_spreadsheet(text: object) -> object:
    """Returns a text that a spreadsheet does not take for a formula. Other values stay."""
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "-", "@")) else text


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
