"""Tables with groups, arrays and nested folders go through `train`, its report and `predict`."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from kerasclf.cli import main
from tests.photos import CLASSES, add_images
from tests.report.run_folders import draw_nothing


def table_with_groups(photos):
    """Writes a table that names a film for every two photographs. Returns its path."""
    rows = [f"{path.relative_to(photos)},{path.parent.name},{path.parent.name} {int(path.stem) // 2}"
            for path in sorted(photos.rglob("*.png"))]  # fmt: skip
    table = photos / "labels.csv"
    table.write_text("\n".join(["image,label,group", *rows]))
    return table


def arrays(photos):
    """Writes all photographs as arrays, every fifth for testing. Returns the path of the file."""
    files = sorted(photos.rglob("*.png"))
    pixels = np.stack([np.asarray(Image.open(path)) for path in files])
    labels = np.array([CLASSES.index(path.parent.name) for path in files])
    test = np.arange(len(files)) % 5 == 0
    np.savez(photos / "photos.npz", x_train=pixels[~test], y_train=labels[~test], x_test=pixels[test],
             y_test=labels[test], class_names=np.array(CLASSES))  # fmt: skip
    return photos / "photos.npz"


def nested_folders(photos):
    """Moves half of the photographs into folders below their class, beside files of operating systems."""
    for name in CLASSES:
        for path in sorted((photos / name).glob("*.png"))[::2]:
            (photos / name / "2026" / "may").mkdir(parents=True, exist_ok=True)
            path.rename(photos / name / "2026" / "may" / path.name)
        (photos / name / ".DS_Store").write_bytes(b"")
        (photos / name / "2026" / "Thumbs.db").write_bytes(b"")
    return photos


@pytest.mark.slow
@pytest.mark.parametrize("prepare", [table_with_groups, arrays, nested_folders])
def test_images_go_through_a_training_its_report_and_predictions(prepare, tmp_path, monkeypatch):
    draw_nothing(monkeypatch)
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    add_images(tmp_path / "photos", 20)
    out, table = tmp_path / "out", tmp_path / "predictions.csv"
    main(["train", str(prepare(tmp_path / "photos")), "--backbone", "mlp", "--weights", "none", "--unfreeze", "all",
          "--head-epochs", "0", "--epochs", "2", "--engine", "inline", "--out", str(out)])  # fmt: skip
    run = next(out.glob("runs/*/seed-0"))
    accuracy = json.loads((run / "metrics.json").read_text())["test_accuracy"]
    assert f"{accuracy:.4f}" in (out / "report" / "report.md").read_text()
    assert json.loads((run / "classes.json").read_text()) == list(CLASSES)
    main(["predict", str(out), str(tmp_path / "photos"), "--out", str(table)])
    predicted = pd.read_csv(table)
    assert len(predicted) == 60
    assert set(predicted["class"]) <= set(CLASSES)
