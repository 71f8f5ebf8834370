"""The files of predictions."""

import contextlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from kerasclf.errors import FolderError
from kerasclf.inference import prediction_files
from kerasclf.inference.prediction_files import prediction_writer
from kerasclf.inference.predictions import Prediction, as_table, most_probable

FOUND = [
    Prediction('a, "b".jpg', ("=cat", "dog"), (0.7, 0.3)),
    Prediction(os.fsdecode(b"\xff.jpg"), problem="does not exist."),
]


def write_all(out, form, top=2):
    with prediction_writer(out, form, top) as write:
        for prediction in FOUND:
            write(prediction)
        assert out is None or not out.exists()


def test_csv_has_one_row_per_image(tmp_path):
    write_all(tmp_path / "new" / "p.csv", "csv")
    assert (tmp_path / "new" / "p.csv").read_bytes().splitlines() == [
        b"file,class,probability,class_2,probability_2,problem",
        b'"a, ""b"".jpg",=cat,0.7,dog,0.3,',
        b"\xff.jpg,,,,,does not exist.",
    ]


def test_jsonl_has_one_object_per_line(tmp_path):
    write_all(tmp_path / "p.jsonl", "jsonl")
    assert [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()] == [
        {
            "file": 'a, "b".jpg',
            "class": "=cat",
            "probability": 0.7,
            "top": [{"class": "=cat", "probability": 0.7}, {"class": "dog", "probability": 0.3}],
            "problem": None,
        },
        {"file": "\udcff.jpg", "class": None, "probability": None, "top": [], "problem": "does not exist."},
    ]


def test_names_are_harmless_in_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with prediction_writer(None, "csv", 1) as write:
        write(Prediction("\x1b[2J.jpg", ("cat",), (1.0,)))
    assert capsys.readouterr().out == "file,class,probability,problem\n\\x1b[2J.jpg,cat,1,\n"


def test_nothing_is_left_of_a_file_that_cannot_be_finished(tmp_path):
    with pytest.raises(KeyboardInterrupt), prediction_writer(tmp_path / "p.csv", "csv", 1) as write:
        write(FOUND[1])
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_bytes(b"")
    message = r"p\.csv cannot be written: .*\. Nothing is left of it\."
    with pytest.raises(FolderError, match=message), prediction_writer(tmp_path / "file" / "p.csv", "csv", 1):
        pass


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_a_full_disk_is_named(tmp_path, monkeypatch):
    class Full(type(tmp_path)):
        def open(self, *arguments, **settings):
            return Path("/dev/full").open(*arguments, **settings)

    replaced = prediction_files.replaced

    @contextlib.contextmanager
    def onto_full_disk(path):
        with replaced(path) as partial:
            yield Full(partial)

    monkeypatch.setattr(prediction_files, "replaced", onto_full_disk)
    with pytest.raises(FolderError, match=r"p\.csv cannot be written: No space left on device\. Nothing is left of it"):
        write_all(tmp_path / "p.csv", "csv")
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_equally_probable_classes_comes_first():
    found = most_probable("x", np.array([0.2, 0.4, 0.4]), ("a", "b", "c"), 3)
    assert found == Prediction("x", ("b", "c", "a"), (0.4, 0.4, 0.2))
    assert list(as_table([found], 3)) == [
        "file", "class", "probability", "class_2", "probability_2", "class_3", "probability_3", "problem"
    ]  # fmt: skip
