"""Diagrams in files: text, and images if graphviz is installed."""

import shutil

import keras
import pytest

from kerasclf.errors import KerasclfError
from kerasclf.models import basenet, draw, write_diagram
from kerasclf.models.explaining import diagram


def test_a_text_file_has_the_drawing(tmp_path):
    assert write_diagram(basenet(), tmp_path / "network.txt") == ""
    assert (tmp_path / "network.txt").read_text() == draw(basenet()) + "\n"


def test_what_an_image_needs_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(diagram.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(diagram.shutil, "which", lambda name: None)
    missing = write_diagram(basenet(), tmp_path / "network.png")
    assert (
        missing == 'pydot (pip install "kerasclf[diagrams]") and graphviz (apt install graphviz, brew install graphviz)'
    )
    assert not list(tmp_path.iterdir())


def test_an_image_is_keras_own(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(diagram, "_missing", lambda: "")
    monkeypatch.setattr(keras.utils, "plot_model", lambda *args, **settings: drawn.append((args, settings)))
    model = basenet()
    assert write_diagram(model, tmp_path / "network.svg") == ""
    assert drawn[0][0] == (model, str(tmp_path / "network.svg"))
    assert drawn[0][1]["show_shapes"]


@pytest.mark.skipif(not shutil.which("dot"), reason="graphviz is not installed")
@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_images_are_written(ending, start, tmp_path):
    pytest.importorskip("pydot")
    path = tmp_path / f"network.{ending}"
    assert write_diagram(basenet(), path) == ""
    assert path.read_bytes().startswith(start)


def test_a_name_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(KerasclfError, match=r"ends in one of \.png, \.svg, \.pdf, \.txt\. Received: 'network\.gif'\."):
        write_diagram(basenet(), tmp_path / "network.gif")
    with pytest.raises(KerasclfError, match=r"The folder .*nowhere of the diagram does not exist"):
        write_diagram(basenet(), tmp_path / "nowhere" / "network.png")
