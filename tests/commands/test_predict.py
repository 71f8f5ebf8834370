"""`kerasclf predict`."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import kerasclf
from kerasclf.cli import main
from kerasclf.loading import find_model
from kerasclf.runs.run_tables import read_predictions
from tests.inference import conftest
from tests.inference.pixel_runs import NAMES, drawn_images, pixel_model, write_pixel_run

study = conftest.study


@pytest.fixture
def broken(tmp_path):
    path = tmp_path / "photos" / "broken.png"
    path.parent.mkdir()
    path.write_bytes(b"\x89PNG")
    return path


@pytest.fixture(scope="module")
def pixel_run(tmp_path_factory):
    """A run with 400 validation images, whose network is overconfident, and a folder of 40 images."""
    root = tmp_path_factory.mktemp("pixels")
    run = write_pixel_run(root / "run", pixel_model(1.6), 1.6, 400, seed=1)
    (root / "images").mkdir()
    for number, image in enumerate(drawn_images(40, seed=5)[0]):
        Image.fromarray(image[:, :, 0]).save(root / "images" / f"{number:02}.png")
    return run, root / "images"


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
    assert lines[1] == "probabilities as trained: a temperature needs at least 50 validation images. There are 5"
    assert lines[2].startswith("computed by tensorflow ")
    assert lines[3] == f"→ {out}"
    assert lines[4].startswith("6 images  ") and lines[4].endswith(" images/s")


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


def test_abstention_and_sets_are_columns_with_a_promise(pixel_run, tmp_path, capsys):
    run, images = pixel_run
    main(["predict", str(run.path), str(images), "--abstain-at", "0.9", "--sets", "0.8", "--sort-into",
          str(tmp_path / "sorted")])  # fmt: skip
    captured = capsys.readouterr()
    rows = rows_of(captured.out)
    assert list(rows[0]) == ["file", "class", "probability", "abstained", "set", "problem"]
    expected = kerasclf.load(run.path).predict(images, abstain_at=0.9, sets=0.8)
    assert [row["abstained"] for row in rows] == ["true" if one else "false" for one in expected["abstained"]]
    assert {row["abstained"] for row in rows} == {"true", "false"}
    assert [tuple(json.loads(row["set"])) for row in rows] == list(expected["set"])
    assert all(row["class"] == json.loads(row["set"])[0] for row in rows)
    rule = kerasclf.load(run.path).calibration.abstention(0.9)
    lines = captured.err.splitlines()
    assert lines[0].startswith("calibrated probabilities: temperature 1.")
    assert lines[1] == (
        f"answers above a confidence of {rule.threshold:.4f}: {rule.share:.1%} of 400 validation images; at least 90 % "
        "of answers are correct, with 95 % confidence, for images like these"
    )
    assert (
        lines[2] == "sets contain the true class of 80 % of images, on average, for images like the validation images"
    )
    # An image that stays unanswered is copied into no folder.
    copied = sorted(path.name for path in (tmp_path / "sorted").rglob("*.png"))
    assert copied == [row["file"].rpartition("/")[2] for row in rows if row["abstained"] == "false"]


def test_probabilities_are_calibrated_unless_raw(pixel_run, capsys):
    run, images = pixel_run
    outputs = kerasclf.load(run.path).model.predict(drawn_images(40, seed=5)[0], verbose=0).max(axis=1)
    main(["predict", str(run.path), str(images), "--raw", "--engine", "tensorflow"])
    captured = capsys.readouterr()
    raw = np.array([float(row["probability"]) for row in rows_of(captured.out)])
    np.testing.assert_allclose(raw, outputs, atol=1e-6)
    assert captured.err.startswith("computed by tensorflow")
    main(["predict", str(run.path), str(images), "--format", "jsonl", "--sets", "0.9", "--engine", "tensorflow"])
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert list(found[0]) == ["file", "class", "probability", "top", "set", "problem"]
    assert set(found[0]["set"]) <= set(NAMES)
    assert np.mean([one["probability"] for one in found]) < raw.mean() - 0.03


def test_what_few_images_cannot_promise_is_said(study, photos, broken, capsys):
    with pytest.raises(SystemExit):
        main(["predict", str(study), str(photos / "owl"), str(broken), "--abstain-at", "0.95", "--sets", "0.9",
              "--sets-by-class"])  # fmt: skip
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert lines[2] == (
        "An accuracy of 0.95 cannot be promised from 5 validation images: at least 59 are needed, even if all of them "
        "are predicted correctly. No image is answered."
    )
    assert lines[3] == (
        "Of 3 classes, 3 are in every set: a coverage of 0.9 by class needs at least 9 validation images of each."
    )
    *rows, last = rows_of(captured.out)
    assert {row["abstained"] for row in rows} == {"true"}
    assert {frozenset(json.loads(row["set"])) for row in rows} == {frozenset({"cat", "dog", "owl"})}
    assert last["abstained"] == last["set"] == ""


def test_promises_that_cannot_be_made_are_refused(pixel_run, refused, tmp_path):
    run, images = pixel_run
    model = tmp_path / "model.keras"
    model.write_bytes((run.path / "model.keras").read_bytes())
    assert "Give the folder of the run, or a calibrated model." in refused(
        "predict", str(model), str(images), "--abstain-at", "0.9"
    )
    arguments = ["predict", str(run.path), str(images)]
    assert "--abstain-at: expected a share between 0 and 1. Received: 95.0." in refused(
        *arguments, "--abstain-at", "95"
    )
    assert "--sets: expected a share between 0 and 1. Received: 1.0." in refused(*arguments, "--sets", "1")
    assert "--sets-by-class: expected --sets with a share, such as 0.9. Received none." in refused(
        *arguments, "--sets-by-class"
    )
    assert "--raw: expected calibrated probabilities for --abstain-at and --sets" in refused(
        *arguments, "--raw", "--sets", "0.9"
    )


def test_progress_is_a_line_from_time_to_time(capsys, monkeypatch):
    from rich.console import Console

    from kerasclf.commands.printing import image_progress

    clock = iter([0.0, 4.0, 12.0, 12.0, 13.0, 16.0])
    monkeypatch.setattr(image_progress.time, "monotonic", lambda: next(clock))
    progress = image_progress.ImageProgress(10, Console(), bar=False)
    with progress:
        for _ in range(3):
            progress.advance()
    assert capsys.readouterr().out == "2 of 10 images  0 images/s  48 s left\n"
    assert progress.rate == "0 images/s"
