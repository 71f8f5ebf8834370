"""Figures that a text quotes from the report of a study, and whether the report has them."""

import csv
import functools
import re
from dataclasses import dataclass
from decimal import Decimal

from tests.test_prose import CODE, LINK, LIST_ITEM, without_code_blocks

NOT_QUOTED = "## How this was run"
RUNS_IN_WORDS = dict(zip("one two three four five six seven eight nine ten".split(), range(1, 11), strict=True))

# A number that belongs to no name, version or size such as 32×32. The unit may follow the last number of several.
VALUE = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+-]?\d+)?"
NUMBER = re.compile(
    rf"(?<![\w.,/×-])(?P<sign>[+−-]?)(?P<value>{VALUE})(?![\w×]|[.,]\d|-\w)"
    rf"(?=(?:\s*(?:to|and|or|±|–)\s*[+−-]?{VALUE})*\s?(?P<unit>%|points?\b)|)"
)
RUNS = re.compile(
    rf"\bn\s=\s(?P<n>\d+)|(?<![\w.,-])(?P<count>\d+|{'|'.join(RUNS_IN_WORDS)})\s(?:runs\b|run\seach)", re.IGNORECASE
)
# The text between a value and its spread: "0.61 (0.58–0.64)", "2.4 points (95 % interval 0.3 to 4.4)", "0.61 ± 0.02".
LEVEL = re.compile(r"95\s%\s(?:t-)?interval,?")
OPENS, CONTINUES = re.compile(r"\s*(?:%|points?)?\s*[±(]\s*"), re.compile(r"\s*(?:%|points?)?\s*(?:–|to)\s*")


@dataclass(frozen=True)
class Number:
    """A number as written: "9.1 points" is `Number("9.1", "", "points")`.

    Args:
        text: The digits as written.
        sign: "+", "-" or nothing.
        kind: "%", "points", "runs" or nothing. A signed number without a unit has the kind "points".
        start: The index of its first character in the text.
        end: The index after its last digit.
    """

    text: str
    sign: str = ""
    kind: str = ""
    start: int = 0
    end: int = 0

    def __str__(self):
        return f"{self.sign}{self.text} {self.kind}".strip().replace(" %", "%")

    @property
    def value(self):
        return Decimal(self.text.replace(",", ""))

    @property
    def is_figure(self):
        """Whether a page needs a source for it. A small number without decimals and unit may count anything."""
        return bool(self.kind) or "." in self.text or "," in self.text

    @property
    def is_share(self):
        return not self.kind and self.value <= 1 and self.value.as_tuple().exponent <= -3


def without_names(text):
    """Returns a text of equal length without inline code, targets of links, and the level of intervals."""
    text = LINK.sub(lambda link: f" {link[1]}".ljust(len(link[0])), text)
    for pattern in (CODE, LEVEL):
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


def numbers(text):
    """Returns the numbers of a text in their order; a count of runs is found twice, the second time as such."""
    found = []
    for match in NUMBER.finditer(text):
        sign = match["sign"].replace("−", "-")
        kind = "%" if match["unit"] == "%" else "points" if match["unit"] or sign else ""
        found.append(Number(match["value"], sign, kind, match.start(), match.end()))
    for match in RUNS.finditer(text):
        count = match["n"] or match["count"].lower()
        found.append(Number(str(RUNS_IN_WORDS.get(count, count)), "", "runs", match.start(), match.end()))
    return sorted(found, key=lambda number: number.start)


def figures(text):
    """Returns the figures of a text in groups that belong together: a value with its interval or its spread."""
    text, groups = without_names(text), []
    for number in filter(lambda number: number.is_figure, numbers(text)):
        between = text[groups[-1][-1].end : number.start] if groups else ""
        if OPENS.fullmatch(between) or (groups and len(groups[-1]) > 1 and CONTINUES.fullmatch(between)):
            groups[-1].append(number)
        else:
            groups.append([number])
    return groups


@functools.cache
def source_lines(folder):
    """Returns the rows of a folder's tables and the lines of its report, each with its numbers."""
    lines = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                line = "; ".join(f"{with_decimals(cell, column)} {column}" for column, cell in row.items())
                lines.append((line, numbers(line)))
    report = folder / "report.md"
    for block in report.read_text(encoding="utf-8").split("\n\n") if report.exists() else ():
        for line in block.splitlines():
            found = numbers(LEVEL.sub("", line.replace("`", "")))
            # The heading of a table, or a sentence, may name the unit of a number that stands without it.
            points = [Number(one.text, "", "points") for one in found if not one.kind and "points" in block]
            lines.append((line, found + points))
    return lines


def with_decimals(cell, column):
    """Returns a cell of a table with six decimals if it is a measurement: the file holds 0.61 for 0.610000."""
    try:
        return cell if column == "runs" else f"{float(cell):.6f}"
    except ValueError:
        return cell


def has_source(group, lines):
    """Whether all figures of a group stand in one line."""
    return any(all(any(agrees(number, known) for known in line) for number in group) for line in lines)


def agrees(number, known):
    """Whether a known number, rounded to the written number's precision, is that number."""
    signs = number.sign + known.sign  # A sentence may leave out the sign.
    return signs not in ("+-", "-+") and any(rounds_to(number.value, value) for value in meanings(number, known))


def meanings(number, known):
    """Yields the known number as what the written one may be: a share as a percentage and the other way round."""
    if number.kind == known.kind or not (number.kind or number.is_share):
        yield known.value
    if known.is_share and number.kind in ("", "%"):
        yield known.value.scaleb(2)
    if known.kind == "%" and not number.kind:
        yield known.value.scaleb(-2)


def rounds_to(written, known):
    """Whether a number was rounded from a known one, which may be rounded itself: 9.05 may give 9.0 or 9.1."""
    coarse, fine = (Decimal(1).scaleb(value.as_tuple().exponent) for value in (written, known))
    return written == known if coarse == fine else coarse > fine and abs(written - known) <= (coarse + fine) / 2


def units(text):
    """Returns [number of the first line, text] of the paragraphs, list items and table rows."""
    found, skipped, is_open = [], False, False
    for number, line in without_code_blocks(text):
        if line.startswith("## "):
            skipped = line.strip() == NOT_QUOTED
        if skipped or not line.strip():
            is_open = False
        elif is_open and not line.startswith(("|", "#")) and not LIST_ITEM.match(line):
            found[-1][1] += f"\n{line}"
        else:
            found.append([number, line])
            is_open = True
    return found


def figures_without_source(unit, folders, experiment="", others=()):
    """Returns a line for each figure of a paragraph, list item or table row that no table of the folders has.

    Args:
        unit: The number of its first line, and its text.
        folders: The folders of the reports.
        experiment: The figures must be those of this experiment, if it is given.
        others: Figures with other sources, as written.
    """
    first, text = unit
    name = re.compile(rf"(?<![\w-]){re.escape(experiment)}(?![\w-])")
    known = [found for folder in folders for line, found in source_lines(folder) if name.search(line)]
    known += map(numbers, others)
    return [
        f"line {first + text[: group[0].start].count(chr(10))}: {', '.join(map(str, group))}"
        for group in figures(text)
        if not has_source(group, known)
    ]
