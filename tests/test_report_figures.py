"""The figures that pages quote from reports: each stands in the tables of the report, at the precision of the page."""

import re
from pathlib import Path

import pytest

from tests.quoted_figures import figures_without_source, source_lines, units
from tests.test_prose import without_code_blocks

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("reports/*/README.md"))
PAGES = [ROOT / "README.md", ROOT / "reports/README.md", *sorted(ROOT.glob("docs/**/*.md"))]

# Figures of a folder's README with another source, and the reason. Prefer a sentence without such a figure.
OTHER_SOURCES = {
    "birds-cub200-random-weights": {
        "1,800": "nine of ten training images for each of 200 species: --train-per-class 10",
        "1,000": "test images: --test-per-class 5",
    },
}

# Statements that few runs cannot support.
REFUSED = re.compile(r"\b(certain|repeats? (would (settle|suffice|be needed)|needed))\b")


def linked_folders(text):
    """Returns the folders of reports that a text links to or names."""
    return [folder for folder in FOLDERS if re.search(rf"(?:reports/|\.\./|\]\(){re.escape(folder.name)}\b", text)]


def problems_of_folder(folder):
    """Returns the figures of a folder's README that neither its tables nor those of linked folders have.

    In the row of an experiment, the figures must be those of this experiment.
    """
    found = units((folder / "README.md").read_text(encoding="utf-8"))
    folders = [folder, *{one for _, text in found for one in linked_folders(text)}]
    experiments = {line.split(" ", 1)[0] for line, _ in source_lines(folder) if " experiment; " in line}
    problems = []
    for unit in found:
        cell = re.match(r"\|[\s*`]*([\w-]+)[\s*`]*\|", unit[1])
        name = cell[1] if cell and cell[1] in experiments else ""
        problems += figures_without_source(unit, folders, name, OTHER_SOURCES.get(folder.name, ()))
    return problems


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_figures_of_a_readme_stand_in_its_report(folder):
    problems = problems_of_folder(folder)
    assert not problems, "figures without a source:\n" + "\n".join(problems)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_figures_next_to_a_link_stand_in_the_linked_report(page):
    problems = []
    for unit in units(page.read_text(encoding="utf-8")):
        if folders := linked_folders(unit[1]):
            problems += figures_without_source(unit, folders)
    assert not problems, "figures without a source:\n" + "\n".join(problems)


@pytest.mark.parametrize(
    "page", [*PAGES, *sorted(ROOT.glob("reports/*/*.md"))], ids=lambda page: page.relative_to(ROOT).as_posix()
)
def test_no_page_promises_what_few_runs_cannot_show(page):
    lines = without_code_blocks(page.read_text(encoding="utf-8"))
    problems = [f"line {number}: {match[0]}" for number, line in lines if (match := REFUSED.search(line))]
    assert not problems


@pytest.mark.parametrize(("folder", "sources"), OTHER_SOURCES.items())
def test_other_sources_are_in_use(folder, sources):
    text = " ".join((ROOT / "reports" / folder / "README.md").read_text(encoding="utf-8").split())
    assert [figure for figure in sources if figure not in text] == []


README = """# A study

| experiment | accuracy | published |
|---|---|---|
| small | 0.610 (0.581–0.639) | 0.59 |
| `large` | 0.634 | – |

`large` is better than `small` by 2.4 points (0.3 to 4.4, three runs each), 63.4 % against
61 %. From `small` on the images grow to 32×32 (ResNet-50, Keras 3.15.1). It has 1,250 images; n = 3. The change is
−2.35 points the other way.

## How this was run
Not quoted: 0.123.

```
--rate 0.456
```
"""
REPORT = """# A study

Data: 1,250 test images.

## Findings

* large is better than small by 2.4 points (95 % interval 0.3 to 4.4, 3 runs each).

| experiment | compared with | difference, points |
|---|---|--:|
| large | small | 2.35 |
"""
TABLE = "experiment,runs,published_accuracy,test_accuracy,test_accuracy_low,test_accuracy_high\n" + (
    "small,3,0.59,0.61,0.5812,0.6388\nlarge,3,,0.6335,0.62,0.65\n"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "report.md").write_text(REPORT, encoding="utf-8")
    (tmp_path / "summary.csv").write_text(TABLE, encoding="utf-8")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    return tmp_path


def test_right_figures_pass(folder):
    assert problems_of_folder(folder) == []


@pytest.mark.parametrize(
    ("right", "wrong", "problem"),
    [
        ("0.610 (", "0.611 (", "line 5: 0.611, 0.581, 0.639"),
        ("–0.639", "–0.638", "line 5: 0.610, 0.581, 0.638"),
        ("0.59 |", "0.57 |", "line 5: 0.57"),
        ("| 0.634", "| 0.610", "line 6: 0.610"),  # Right for the other experiment.
        ("2.4 points", "2.5 points", "line 8: 2.5 points, 0.3, 4.4"),
        ("0.3 to", "0.2 to", "line 8: 2.4 points, 0.2, 4.4"),
        ("three runs", "five runs", "line 8: 5 runs"),
        ("63.4 %", "63.2 %", "line 8: 63.2%"),
        ("61 %", "57 %", "line 9: 57%"),
        ("1,250", "1,520", "line 9: 1,520"),
        ("n = 3", "n = 4", "line 9: 4 runs"),
        ("−2.35", "−2.53", "line 10: -2.53 points"),
        ("2.4 points", "2.354 points", "line 8: 2.354 points, 0.3, 4.4"),  # More digits than the report has.
    ],
)
def test_a_changed_digit_is_named(folder, right, wrong, problem):
    changed = README.replace(right, wrong, 1)
    assert changed != README
    (folder / "README.md").write_text(changed, encoding="utf-8")
    assert problems_of_folder(folder) == [problem]


def test_a_sign_must_be_that_of_the_report(folder):
    (folder / "report.md").write_text(REPORT.replace("| 2.35", "| +2.35"), encoding="utf-8")
    assert problems_of_folder(folder) == ["line 10: -2.35 points"]


@pytest.mark.parametrize("statement", ["a certain gain", "four repeats would settle it", "12 repeats needed"])
def test_statements_beyond_the_runs_are_recognised(statement):
    assert REFUSED.search(statement)
