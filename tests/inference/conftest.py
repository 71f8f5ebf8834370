"""What the tests of inference share."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def study(photo_study):
    """The folder of the study that all tests share."""
    return photo_study


@pytest.fixture
def quick_figures(monkeypatch):
    """Figures are drawn, and not rendered, which takes seconds for a report."""
    for module in ("figures.themes", "page_parts"):
        monkeypatch.setattr(f"kerasclf.report.{module}.figure_bytes", lambda figure, form: form.encode())


@pytest.fixture
def images():
    """Four colour images of 8×8 pixels."""
    return np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), np.uint8)
