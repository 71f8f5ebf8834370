"""The documents: short sentences, short lines, links that lead somewhere, code that names what exists."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from kerasclf.cli import COMMANDS
from kerasclf.search.search_catalogue import SEARCHES
from kerasclf.studies import STUDIES

ROOT = Path(__file__).parents[1]
PAGES = [
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "reports/**/README.md",
                    "benchmarks/README.md")
    for path in sorted(ROOT.glob(pattern))
]  # fmt: skip
LONGEST_SENTENCE, LONGEST_MEAN, LONGEST_LINE = 40, 20, 120

# A link or an image: its text and its target.
LINK = re.compile(r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
CODE = re.compile(r"(`+)(.+?)\1")
LIST_ITEM = re.compile(r"\s*(?:[*+-]|\d+\.)\s+")
# A full stop that ends no sentence.
ABBREVIATION = re.compile(r"\b(al|e\.g|i\.e|vs|No|cf|approx|etc)\.(?=\s)")
END = re.compile(r"(?<=[.!?])[\"')\]*_]*\s+")


def without_code_blocks(text):
    """Returns the lines outside fenced code, each with its number from 1."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def passages(text):
    """Returns the paragraphs and list items, without code blocks, tables, headings and pictures."""
    passage = []
    for _, line in without_code_blocks(text):
        words = re.sub(r"!\[[^\]]*\]\([^()\s]+\)", "", line.lstrip("> ")).strip()
        breaks = not words or words.startswith(("|", "#"))
        if breaks or LIST_ITEM.match(line):
            yield " ".join(passage)
            passage = []
        if not breaks:
            passage.append(LIST_ITEM.sub("", words, count=1) if LIST_ITEM.match(line) else words)
    yield " ".join(passage)


def sentences(text):
    for passage in passages(text):
        # An inline command counts by its words, and its dots end no sentence.
        plain = CODE.sub(lambda code: " ".join("code" for _ in code[2].split()), LINK.sub(r"\1", passage))
        plain = ABBREVIATION.sub(r"\1", plain)
        yield from (sentence for sentence in END.split(plain) if count_words(sentence))


def count_words(sentence):
    return sum(any(sign.isalnum() for sign in word) for word in sentence.split())


def anchors(text):
    """Returns the anchors that GitHub gives a page's headings."""
    headings = [line.lstrip("# ") for _, line in without_code_blocks(text) if line.startswith("#")]
    return {re.sub(r"[^\w\- ]", "", LINK.sub(r"\1", heading).lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module", params=PAGES)
def page(request):
    return ROOT / request.param


def test_the_documents_are_found():
    assert {"README.md", "CONTRIBUTING.md", "docs/data.md", "reports/README.md", "benchmarks/README.md"} <= set(PAGES)


def test_sentences_are_counted_as_a_reader_would():
    text = "# Not this one\n\nA first one, with `a.b c`.\nSee [a link](x.md#y), by Smith et al. 2015. Then 3.5 more\n\n"
    text += "* an item\n  goes on\n* another. With two\n\n```\nno. code. here.\n```\n| no | table. |\n> Quoted."
    assert list(sentences(text)) == [
        "A first one, with code code.", "See a link, by Smith et al 2015.", "Then 3.5 more", "an item goes on",
        "another.", "With two", "Quoted.",
    ]  # fmt: skip


def test_no_sentence_is_long(page):
    long = [sentence for sentence in sentences(page.read_text()) if count_words(sentence) > LONGEST_SENTENCE]
    shown = "\n".join(f"{count_words(sentence)} words: {sentence}" for sentence in long)
    assert not long, f"{page.relative_to(ROOT)}: sentences of more than {LONGEST_SENTENCE} words\n{shown}"


def test_sentences_are_short_on_average(page):
    counts = {sentence: count_words(sentence) for sentence in sentences(page.read_text())}
    mean, longest = sum(counts.values()) / len(counts), max(counts, key=counts.__getitem__)
    assert mean < LONGEST_MEAN, f"{page.relative_to(ROOT)}: {mean:.1f} words a sentence; the longest is\n{longest}"


def test_no_line_is_long(page):
    for number, line in without_code_blocks(page.read_text()):
        if not line.lstrip().startswith("|"):
            visible = LINK.sub(r"[\1]", line)
            assert len(visible) <= LONGEST_LINE, f"{page.relative_to(ROOT)}:{number}: {len(visible)} characters"


def test_links_lead_somewhere(page):
    for number, line in without_code_blocks(page.read_text()):
        for _, target in LINK.findall(line):
            if re.match(r"\w+:", target):
                continue
            file, _, anchor = target.partition("#")
            linked = (page.parent / file).resolve() if file else page
            where = f"{page.relative_to(ROOT)}:{number}: {target}"
            assert linked.exists(), where
            assert not anchor or anchor in anchors(linked.read_text()), f"{where}: no such heading"


def test_python_examples_import_what_exists(page):
    for code in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("kerasclf"):
                module = importlib.import_module(node.module)
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == [], node.module


def commands(text):
    """Returns the lines of code blocks without a language, and the inline code."""
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    blocks = [block for language, block in fenced if not language]
    prose = "\n".join(line for _, line in without_code_blocks(text))
    return "\n".join([*blocks, *(code for _, code in CODE.findall(prose))])


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        (r"^kerasclf ([a-z]+)", COMMANDS),
        (r"^kerasclf study ([a-z][a-z0-9-]*)", STUDIES),
        (r"^kerasclf search ([a-z][a-z0-9]*)(?= |$)", SEARCHES),
        (r"^make ([a-z0-9-]+)", re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)),
    ],
)
def test_commands_exist(page, pattern, known):
    if page.name == "CHANGELOG.md":
        pytest.skip("it names former commands")
    assert set(re.findall(pattern, commands(page.read_text()), re.MULTILINE)) <= set(known)
