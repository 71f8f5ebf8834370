"""Names in a terminal, a figure, Markdown, a spreadsheet."""

import io
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from kerasclf.escaping import (
    for_console,
    for_figure,
    for_markdown,
    for_spreadsheet,
    markdown_block,
    markdown_code,
    on_one_line,
    visible,
)
from kerasclf.report.figures.themes import figure_bytes
from tests.damage import names
from tests.test_fuzz import tried

COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("café 犬 \N{ZERO WIDTH NON-JOINER}", "café 犬 \N{ZERO WIDTH NON-JOINER}"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202etxt.exe", r"a\u202etxt.exe"),
        ("caf\udce9", r"caf\udce9"),
        ("two\nlines", "two\nlines"),
    ],
)
def test_control_characters_become_visible(text, shown):
    assert visible(text) == shown
    assert on_one_line(text) == shown.replace("\n", r"\n")


@tried(200)
@given(st.text())
def test_no_text_commands_a_terminal(text):
    assert not COMMANDS.search(visible(text))
    visible(text).encode()
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("text", ["[old]", "a[/b]", ":smile:", "\x1b[31m", "[link=x]y[/link]"])
def test_a_console_shows_a_name_as_it_is(text):
    table = Table(title=for_console(text))
    table.add_column(for_console(text))
    table.add_row(for_console(text))
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    console.print(table)
    assert console.file.getvalue().count(visible(text)) == 3


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<script>", "&lt;script&gt;"),
        ("a|b", r"a\|b"),
        ("`*[x](y)*`", r"\`\*\[x\](y)\*\`"),
        ("adam_20", "adam_20"),
        ("_x_", r"\_x\_"),
        ("$10_$20", r"\$10\_\$20"),
        ("two\nlines", "two lines"),
        ("\x1b", r"\\x1b"),
    ],
)
def test_markdown_shows_a_name_as_it_is(text, escaped):
    assert for_markdown(text) == escaped


@tried(200)
@given(names)
def test_a_cell_of_a_markdown_table_stays_one_cell(text):
    for cell in (for_markdown(text), markdown_code(text)):
        assert not re.search(r"(?<!\\)(?:\\\\)*\|", cell)
        assert "\n" not in cell
    assert not re.search("[<>]", for_markdown(text))


@tried(100)
@given(st.text("`\n<a", max_size=30))
def test_no_text_ends_its_block_of_code(text):
    first, *middle, last = markdown_block(text).split("\n")
    assert first == last == "`" * len(first)
    assert first not in middle
    assert "\n".join(middle) == text


def test_code_with_a_backtick_is_html():
    assert markdown_code("a|b") == r"`a\|b`"
    assert markdown_code("a`<b>") == r"<code>a\`&lt;b&gt;</code>"


def test_a_formula_is_no_formula():
    assert [for_spreadsheet(value) for value in ("=cmd()", "-x", "x", -1.5, None)] == [
        "'=cmd()",
        "'-x",
        "x",
        -1.5,
        None,
    ]


def test_a_long_name_keeps_its_start_and_its_end():
    shown = for_figure("a" * 300 + "b" * 15)
    assert shown == "a" * 32 + "…" + "b" * 15
    assert len(for_figure("x" * 300, 100)) == 100


@tried(10)
@given(st.lists(names, min_size=3, max_size=3))
def test_a_figure_can_hold_any_name(texts):
    title, label, tick = map(for_figure, texts)
    figure = Figure(figsize=(4, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], label=label)
    axes.set_title(title)
    axes.set_xticks([0], [tick])
    assert len(figure.legend().get_texts()) == 1
    figure_bytes(figure, "png")
    ET.fromstring(figure_bytes(figure, "svg"))
