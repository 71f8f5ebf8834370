"""`kerasclf predict`."""

import csv
import io
import json

import numpy as np
import pytest

import kerasclf
from kerasclf.cli import main
from kerasclf.loading import find_model
from kerasclf.runs.run_tables import read_predictions
from tests.inference import conftest

photos, study = conftest.photos, conftest.study


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "photos" / "broken.png"
    path.parent.mkdir()
    path.write_bytes(b"\x89PNG")
    return path


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_it_predicts_what_the_run_has_predicted(study, photos, tmp_path, capsys):
    run = find_model(study).run
    expected = read_predictions(run.path / "predictions.csv", ["cat", "dog", "owl"])[1]
    with (run.path / "predictions.csv").open(newline="") as file:
        names = [row["image"] for row in csv.DictReader(file)]
    listing = tmp_path / "test.csv"
    listing.write_text("image\n" + "".join(f"{photos / name}\n" for name in names))
    out = tmp_path / "p.csv"
    main(["predict", str(study), f"{listing}:image", "--out", str(out), "--top", "3", "--engine", "tensorflow"])
    found = rows_of(out.read_text())
    assert [row["file"] for row in found] == [str(photos / name) for name in names]
    for row, probabilities in zip(found, expected, strict=True):
        named = {row["class"]: row["probability"], **{row[f"class_{i}"]: row[f"probability_{i}"] for i in (2, 3)}}
        np.testing.assert_allclose([float(named[name]) for name in ("cat", "dog", "owl")], probabilities, atol=1e-6)
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0].startswith("model: ") and lines[0].endswith(", seed-0: the best experiment on the validation set")
    assert lines[1].startswith("computed by tensorflow ")
    assert lines[2] == f"→ {out}"
    assert lines[3].startswith("6 images  ") and lines[3].endswith(" images/s")


def test_a_broken_file_is_a_row_and_the_exit_code_says_so(study, photos, broken, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["predict", str(study), str(photos / "cat"), str(broken), "--sort-into", str(tmp_path / "sorted")])
    assert caught.value.code == 1
    captured = capsys.readouterr()
    rows = rows_of(captured.out)
    assert len(rows) == 9
    assert rows[-1]["file"] == str(broken)
    assert rows[-1]["class"] == rows[-1]["probability"] == ""
    assert rows[-1]["problem"].startswith("cannot be read as an image: ")
    assert captured.err.splitlines()[-1] == (
        "error: 1 of 9 images could not be read. The column problem says why. All others have their predictions."
    )
    copied = {path.relative_to(tmp_path / "sorted").as_posix() for path in (tmp_path / "sorted").rglob("*.png")}
    assert copied == {f"{row['class']}/{row['file'].rpartition('/')[2]}" for row in rows[:-1]}


def test_json_lines_from_standard_input(study, photos, capsys, monkeypatch):
    files = [str(path) for path in sorted((photos / "owl").iterdir())[:2]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("\n".join(files).encode())))
    main(["predict", str(find_model(study).path), "-", "--format", "jsonl"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["file"] for one in found] == files
    table = kerasclf.load(study).predict(files)
    assert [one["class"] for one in found] == list(table["class"])
    np.testing.assert_allclose([one["probability"] for one in found], table["probability"], atol=1e-6)


def test_all_problems_are_listed_before_tensorflow_starts(tmp_path, refused, monkeypatch):
    monkeypatch.setattr("kerasclf.commands.predict.quiet_tensorflow", lambda: pytest.fail("too late"))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_bytes(b"")
    (tmp_path / "p.csv").write_bytes(b"kept")
    error = refused(
        "predict", str(tmp_path / "nothing"), str(tmp_path / "photo.jpg"), "--out", str(tmp_path / "p.csv"),
        "--top", "0", "--sort-into", str(tmp_path / "used"),
    )  # fmt: skip
    assert error.splitlines() == [
        "error: kerasclf predict cannot run:",
        "  - Expected the folder of a run, of a study or of a search, or a .keras file. "
        f"Received: {tmp_path / 'nothing'}, which does not exist.",
        f"  - {tmp_path / 'photo.jpg'} does not exist.",
        "  - --top: expected at least 1. Received: 0.",
        f"  - {tmp_path / 'p.csv'} already exists and is not overwritten. Give another --out, or delete it.",
        f"  - --sort-into: expected a new or empty folder. Received: {tmp_path / 'used'}.",
    ]
    assert (tmp_path / "p.csv").read_bytes() == b"kept"
    error = refused("predict", str(tmp_path), str(tmp_path), "--out", "p.txt")
    assert "--out: expected a file ending in .csv or .jsonl. Received: p.txt." in error


def test_an_output_that_cannot_be_written_is_refused(study, photos, tmp_path, refused):
    (tmp_path / "file").write_bytes(b"")
    error = refused("predict", str(study), str(photos), "--out", str(tmp_path / "file" / "p.csv"))
    assert f"{tmp_path / 'file' / 'p.csv'} cannot be written: " in error
    error = refused("predict", str(study), str(photos), "--sort-into", str(tmp_path / "file" / "sorted"))
    assert f"{tmp_path / 'file' / 'sorted'} cannot be written: " in error


def test_progress_is_a_line_from_time_to_time(capsys, monkeypatch):
    from rich.console import Console

    from kerasclf.commands import image_progress

    clock = iter([0.0, 4.0, 12.0, 12.0, 13.0, 16.0])
    monkeypatch.setattr(image_progress.time, "monotonic", lambda: next(clock))
    progress = image_progress.ImageProgress(10, Console(), bar=False)
    with progress:
        for _ in range(3):
            progress.advance()
    assert capsys.readouterr().out == "2 of 10 images  0 images/s  48 s left\n"
    assert progress.rate == "0 images/s"
