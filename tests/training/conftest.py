"""A fixture that simulates a notebook."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from kerasclf.training.history_figure import draw_history, png_of


@pytest.fixture
def notebook(monkeypatch):
    """Returns the list of displayed pictures, each with the number of its output."""
    png_of(draw_history([{"epoch": 1, "loss": 2.0}]))  # with its first figure matplotlib looks for the real IPython
    shown = []

    class Handle:
        def __init__(self, number):
            self.number = number

        def update(self, picture):
            shown.append((self.number, picture.data))

    def display(picture, display_id):
        handle = Handle(len({number for number, _ in shown}))
        handle.update(picture)
        return handle

    shell, screen = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel=True)
    screen.display, screen.Image = display, SimpleNamespace
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    return shown
