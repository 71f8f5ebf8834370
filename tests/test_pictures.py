"""The pictures of the manual, and what records a terminal for them."""

import re
from pathlib import Path

import pytest

from docs.make_pictures import _liveliest, _screens

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
PICTURES = sorted(path.name for path in IMAGES.iterdir() if path.suffix in (".png", ".svg"))


def test_the_screens_are_those_that_a_terminal_shows():
    up, clear = "\x1b[1A", "\x1b[2K"
    recorded = f"data\r\na 1\r\nb 1\r{clear}{up}{clear}first done\r\na 2\r\nb 2"
    assert _screens(recorded) == [["data", "a 1", "b 1"], ["data", "first done", "a 2", "b 2"]]
    assert _screens("plain\n\nlines") == [["plain", "lines"]]


def test_the_screen_with_most_bars_in_the_middle_is_shown():
    screens = [["━ loss 0"], *([f"━ loss {number}", "━ loss 0"] for number in (1, 2, 3)), ["━━━", "loss 1"]]
    assert _liveliest(screens) == ["━ loss 2", "━ loss 0"]


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_a_place_and_a_command_that_makes_it(name):
    assert name in (IMAGES / "README.md").read_text(encoding="utf-8")
    pages = [page for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")] if page.parent != IMAGES]
    assert any(f"images/{name})" in page.read_text(encoding="utf-8") for page in pages)


@pytest.mark.parametrize("name", [name for name in PICTURES if name.endswith(".svg")])
def test_a_drawing_asks_no_other_site(name):
    text = (IMAGES / name).read_text(encoding="utf-8")
    assert re.findall(r"url\([\"']?https?:|(?:href|src)=[\"']https?:", text) == []
