"""Outputs of a notebook that are replaced in place."""

import sys
from types import SimpleNamespace

from kerasclf.notebooks import Screen, in_notebook


def test_a_notebook_replaces_each_picture_by_the_next(notebook):
    assert in_notebook()
    one, other = Screen(), Screen()
    for screen, picture in ((one, b"1"), (one, b"2"), (other, b"3")):
        screen.show(picture)
    assert notebook == [(0, b"1"), (0, b"2"), (1, b"3")]


def test_outside_notebooks_nothing_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
    Screen().show(b"nothing")
    Screen().show_html("nothing")
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()


def test_a_notebook_shows_html_in_place(notebook):
    screen = Screen()
    screen.show_html("<p>1</p>")
    screen.show_html("<p>2</p>")
    assert notebook == [(0, "<p>1</p>"), (0, "<p>2</p>")]
