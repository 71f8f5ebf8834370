"""`kerasclf evaluate`."""

import json

import numpy as np
import pandas as pd
import pytest

import kerasclf
from kerasclf.cli import main
from tests.inference import conftest
from tests.photos import add_images

study, quick_figures = conftest.study, conftest.quick_figures


@pytest.fixture
def new_photos(tmp_path):
    add_images(tmp_path / "new", 4, first=100)
    return tmp_path / "new"


def test_it_writes_the_report_of_several_runs(study, new_photos, tmp_path, capsys, quick_figures):
    runs = [str(next(study.glob(f"runs/{name}-*/seed-0"))) for name in ("short", "long")]
    out = tmp_path / "report"
    main(["evaluate", *runs, f"folder:{new_photos}", "--ensemble", "--tta", "flip", "--corrupt", "--out", str(out)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "data: images of new, all images: 12 images"
    assert lines[-1] == f"report: {out / 'index.html'}"
    assert lines[-2].startswith("768 predictions  ")  # 12 images, 2 models, 32 times each
    table = pd.read_csv(out / "summary.csv")
    assert list(table["model"]) == ["short", "long", "ensemble"]
    expected = kerasclf.load(runs[0]).evaluate(f"folder:{new_photos}")
    np.testing.assert_allclose(table["accuracy"][0], expected.accuracy, atol=1e-5)
    findings = json.loads((out / "evaluation.json").read_text())["findings"]
    text = " ".join(" ".join(lines).split())
    assert all(sentence in text for sentence in findings)


def test_a_broken_image_is_left_out_and_the_exit_code_says_so(study, new_photos, tmp_path, capsys, quick_figures):
    (new_photos / "cat" / "broken.png").write_bytes(b"\x89PNG")
    with pytest.raises(SystemExit) as caught:
        main(["evaluate", str(study), f"folder:{new_photos}", "--out", str(tmp_path / "report")])
    assert caught.value.code == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "error: 1 of 13 images could not be read. unreadable.csv in the report says why. The report covers all others."
    )
    assert list(pd.read_csv(tmp_path / "report" / "unreadable.csv")["image"]) == ["cat/broken.png"]
    assert pd.read_csv(tmp_path / "report" / "summary.csv")["images"][0] == 12


def test_all_problems_are_listed_before_tensorflow_starts(study, tmp_path, refused, monkeypatch):
    monkeypatch.setattr("kerasclf.commands.evaluate.quiet_tensorflow", lambda: pytest.fail("too late"))
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "file").write_bytes(b"")
    add_images(tmp_path / "new", 1, classes=("cats", "dog"))
    error = refused(
        "evaluate", str(tmp_path / "nothing"), str(study), f"folder:{tmp_path / 'new'}", "--tta", "11",
        "--out", str(tmp_path / "used"),
    )  # fmt: skip
    assert error.splitlines() == [
        "error: kerasclf evaluate cannot run:",
        "  - Expected the folder of a run, of a study or of a search, or a .keras file. "
        f"Received: {tmp_path / 'nothing'}, which does not exist.",
        "  - --tta: expected flip, or 2 to 10 views. Received: 11.",
        f"  - --out: expected a new or empty folder. Received: {tmp_path / 'used'}.",
    ]
    error = refused("evaluate", str(study), f"folder:{tmp_path / 'new'}", "--ensemble", "--rename", "cats")
    assert error.splitlines()[1:] == [
        "  - --ensemble: expected at least two runs. Received one.",
        "  - --rename: expected THEIRS=OURS, such as Katze=cat. Received: cats.",
    ]
    error = refused("evaluate", str(study), f"folder:{tmp_path / 'new'}")
    assert "does not know 1 class of" in error and "'cats' (1 image; did you mean 'cat'?)" in error
    assert "give both as --rename. To leave the others out, use --known-only." in error


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["cifar"], "Expected kerasclf evaluate RUN_FOLDER DATA. DATA is missing."),
        (["STUDY", "iris"], "Expected a data set of images. Received: iris, a table."),
        (["STUDY", "STUDY", "digits"], "Expected each model once. Received one of them twice."),
        (["STUDY", "folder:missing"], "The folder missing does not exist."),
    ],
)
def test_wrong_words_are_refused(study, refused, words, expected):
    assert expected in refused("evaluate", *[str(study) if word == "STUDY" else word for word in words])
