"""The gallery of results: each report with its first picture."""

import re
from pathlib import Path

# The picture of a report: the first of these that its folder has.
_FIRST = ("bars.png", "history.png", "01-decision.png", "images_per_class.png")


def gallery(reports: Path) -> str:
    """Returns a section with one card for each report: its title and its picture.

    Args:
        reports: The folder of the reports.
    """
    cards = []
    for page in sorted(reports.glob("*/README.md")):
        name = page.parent.name
        title = page.read_text(encoding="utf-8").splitlines()[0].lstrip("# ")
        picture = picture_of(page.parent)
        image = f"\n\n    [![{title}]({name}/{picture})]({name}/README.md)" if picture else ""
        cards.append(f"-   [{title}]({name}/README.md){image}")
    return "\n\n".join(["## Gallery", '<div class="grid cards" markdown>', *cards, "</div>\n"])


def picture_of(folder: Path) -> str | None:
    """Returns the name of the picture that stands for a report, or None if it has none."""
    return next((name for name in _FIRST if (folder / name).is_file()), None)


def with_picture(markdown: str, folder: Path) -> str:
    """Returns the page of a report with its picture below the first paragraph, unless it shows one itself.

    Args:
        markdown: The page.
        folder: The folder of the report.
    """
    picture = picture_of(folder)
    if picture is None or re.search(r"!\[", markdown):
        return markdown
    title, first, rest = markdown.split("\n\n", 2)
    return f"{title}\n\n{first}\n\n![The main figure of the report]({picture})\n\n{rest}"
