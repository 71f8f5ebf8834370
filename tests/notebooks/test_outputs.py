"""What is kept of a lesson's outputs. Needs no Jupyter."""

import base64
import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from notebooks.outputs import LEFT_OUT, tidy


def png():
    """Returns the picture of a gradient with some noise, in base64."""
    noise = np.random.default_rng(0).integers(0, 9, (64, 64, 3))
    pixels = np.add.outer(np.arange(64), np.arange(64))[..., None] + noise
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


@pytest.fixture
def tidied(tmp_path, monkeypatch):
    """Returns the outputs of a cell after `tidy`."""
    monkeypatch.setenv("KERASCLF_DATA", f"{Path.home()}/data/")
    monkeypatch.setenv("KERASCLF_WEIGHTS", "/weights")

    def run(*outputs, source="1"):
        cell = {"metadata": {"execution": "10:00"}, "source": source, "outputs": list(outputs)}
        tidy({"cells": [{"metadata": {}, "source": "# Title"}, cell]}, tmp_path)
        assert cell["metadata"] == {}
        return cell["outputs"]

    return run


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("{folder}/runs/a", "runs/a"),
        ("in {folder}", "in ."),
        ("folder:{home}/data/birds10", "folder:$KERASCLF_DATA/birds10"),
        ("{home}/.keras/models, /weights/a.h5", "~/.keras/models, $KERASCLF_WEIGHTS/a.h5"),
        ("/weights2/a.h5", "/weights2/a.h5"),
    ],
)
def test_folders_of_this_machine_are_not_kept(printed, kept, tidied, tmp_path):
    text = printed.format(folder=str(tmp_path), home=Path.home()).replace("/runs", f"{os.sep}runs")
    (stream, result) = tidied(
        {"output_type": "stream", "name": "stdout", "text": [text, "\n"], "transient": {}},
        {"output_type": "execute_result", "data": {"text/plain": text, "text/html": f"<p>{text}"}},
    )
    assert stream == {"output_type": "stream", "name": "stdout", "text": f"{kept}\n"}
    assert result["data"] == {"text/plain": kept, "text/html": f"<p>{kept}"}


def test_the_root_of_the_file_system_stands_for_nothing(tidied, monkeypatch):
    monkeypatch.setenv("KERASCLF_DATA", "/")
    (stream,) = tidied({"output_type": "stream", "name": "stdout", "text": "a/b"})
    assert stream["text"] == "a/b"


def test_folders_are_not_kept_in_an_error(tidied):
    (error,) = tidied({"output_type": "error", "traceback": ["in /weights/a.h5", "KeyError"]})
    assert error["traceback"] == ["in $KERASCLF_WEIGHTS/a.h5", "KeyError"]


def test_images_are_left_out_where_the_cell_says_so(tidied):
    picture = {"output_type": "display_data", "data": {"image/png": png(), "text/plain": "<Figure>"}}
    (kept,) = tidied({**picture, "data": dict(picture["data"])})
    assert Image.open(io.BytesIO(base64.b64decode(kept["data"]["image/png"]))).size == (64, 64)
    assert len(kept["data"]["image/png"]) < len(png())
    (output,) = tidied(dict(picture), source=f"dataset.preview()  {LEFT_OUT}")
    assert output["data"] == {
        "text/plain": "The images are left out, as they may not be passed on. Run the cell to see them."
    }
    (text,) = tidied({"output_type": "stream", "name": "stdout", "text": "a"}, source=f"print('a')  {LEFT_OUT}")
    assert text["text"] == "a"


def test_lines_of_one_stream_are_one_output(tidied):
    lines = [{"output_type": "stream", "name": name, "text": name} for name in ("stdout", "stdout", "stderr")]
    picture = {"output_type": "display_data", "data": {"text/html": "<b>"}}
    out, err, shown, last = tidied(*lines, picture, dict(lines[0], text="b"))
    assert (out["text"], err["text"], shown, last["text"]) == ("stdoutstdout", "stderr", picture, "b")
