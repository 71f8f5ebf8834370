"""A folder with 500 images of one class and 10 of another, from `train` to its report and to `predict`."""

import json
import re

import pandas as pd
import pytest

from kerasclf.cli import main
from kerasclf.data import load_dataset
from kerasclf.report import read_results
from tests.photos import add_images
from tests.report.run_folders import draw_nothing


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("unequal")
    add_images(root / "birds", 500, classes=("crow",))
    add_images(root / "more", 10, classes=("crow", "owl"))
    (root / "more" / "owl").rename(root / "birds" / "owl")
    out = root / "out"
    learning = ["--learning-rate", "0.001", "--oversampling", "balanced"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERASCLF_CACHE", str(root / "cache"))
        draw_nothing(patch)
        main(["train", str(root / "birds"), "--backbone", "mlp", "--weights", "none", "--unfreeze", "all",
              "--head-epochs", "0", "--image-size", "8x8", "--epochs", "3", "--batch-size", "64",
              *learning, "--engine", "inline", "--out", str(out)])  # fmt: skip
    return root, out


def test_the_report_leads_with_balanced_accuracy(trained):
    _, out = trained
    (experiment,) = read_results(out).experiments
    run = experiment.runs[0]
    assert run.images == {"train": 367, "validation": 41, "test": 102}
    assert experiment.experiment.train.oversampling == "balanced"
    recalls = [run.correct[run.labels == label].mean() for label in (0, 1)]
    metrics = json.loads(next(out.glob("runs/*/seed-0/metrics.json")).read_text())
    assert metrics["test_balanced_accuracy"] == pytest.approx(sum(recalls) / 2)
    markdown = (out / "report" / "report.md").read_text()
    first = re.search(r"\*\*(.*?)\*\*", markdown)[1]
    assert first.startswith(f"mlp_all has a balanced accuracy of {metrics['test_balanced_accuracy']:.1%}")
    assert "because crow has 50 times as many test images as owl (100 and 2)" in markdown
    assert "an accuracy of 98.0% and a balanced accuracy of 50.0%" in markdown
    assert list(pd.read_csv(out / "report" / "summary.csv"))[4] == "test_balanced_accuracy"
    card = next(out.glob("runs/*/seed-0/MODEL_CARD.md")).read_text()
    assert re.findall(r"^\| (balanced accuracy|macro F1|accuracy) \|", card, re.MULTILINE) == [
        "balanced accuracy", "macro F1", "accuracy",
    ]  # fmt: skip


def test_only_training_images_are_repeated(trained):
    root, out = trained
    history = pd.read_csv(next(out.glob("runs/*/seed-0/history.csv")))
    assert len(history) == 3
    dataset = load_dataset(f"folder:{root / 'birds'}", image_size=(8, 8))
    names = [pd.read_csv(next(out.glob("runs/*/seed-0/predictions.csv")))["image"], dataset.validation.names]
    assert [len(of_set) for of_set in names] == [len(set(of_set)) for of_set in names] == [102, 41]


def test_the_model_predicts_images(trained, capsys):
    root, out = trained
    table = root / "predictions.csv"
    main(["predict", str(out), str(root / "birds" / "owl"), "--out", str(table)])
    assert len(pd.read_csv(table)) == 10
