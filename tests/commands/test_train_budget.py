"""`kerasclf train --budget`: its checks, its networks, and a whole training."""

import time

import pytest

from kerasclf import Experiment
from kerasclf.cli import main
from kerasclf.commands.train import TrainCommand
from kerasclf.commands.train_budget import _networks
from kerasclf.report import read_results
from kerasclf.search.time_budget.budget_record import BudgetFolder
from kerasclf.search.time_budget.timed_runs import TimedRuns
from kerasclf.transfer import Transfer

TRAIN = ["train", "--data", "digits", "--backbone", "mlp", "perceptron", "--weights", "none"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--budget", "soon"], "--budget: expected a duration such as 90s, 20m, 2h or 1h30m. Received: 'soon'."),
        (["--budget", "0s"], "--budget: expected more than 0 s. Received: 0s."),
        (["--budget", "1min", "--epochs", "3"], "--epochs: expected no value with --budget, which decides it."),
        (["--budget", "1min", "--unfreeze", "all"], "--unfreeze: expected no value with --budget, which decides it."),
        (["--budget", "1min", "--quick"], "--quick: expected no value with --budget, which decides it."),
    ],
)
def test_contradicting_options_are_refused_before_anything_is_read(options, message, capsys, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main([*TRAIN, "--out", str(tmp_path / "out"), *options])
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_networks_are_those_given_or_those_of_a_folder_of_weights(tmp_path):
    for name in ("mobilenet_v2_notop.weights.h5", "resnet18-5c106cde.pth", "notes.txt"):
        (tmp_path / name).touch()
    assert _networks(TrainCommand(data="x", backbone=("nin",))) == ("nin",)
    assert set(_networks(TrainCommand(data="x", weights=(str(tmp_path),)))) == {"mobilenet_v2", "resnet18"}
    assert "keras_resnet50" in _networks(TrainCommand(data="x"))


def test_a_folder_without_weights_is_explained(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["train", "--data", "digits", "--weights", str(tmp_path), "--budget", "1min"])
    assert "--weights: expected a folder with a file named after each network" in capsys.readouterr().err


@pytest.mark.slow
def test_a_budget_leaves_an_evaluated_model_and_says_what_was_tried(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    command = ["train", "--data", "digits", "--backbone", "mlp", "--weights", "none", "--train-per-class", "20",
               "--test-per-class", "5", "--image-size", "8x8", "--out", str(tmp_path / "out")]  # fmt: skip
    began = time.monotonic()
    main([*command, "--budget", "40s"])
    printed = capsys.readouterr().out
    assert "mlp: cross-validated accuracy" in printed
    assert "mlp, last_stage: dropped; unfreeze: mlp has no feature maps" in printed
    results = read_results(tmp_path / "out")
    assert {e.name for e in results.experiments} == {"mlp_head", "mlp_all"}
    assert results.budget.spent_s <= min(40, time.monotonic() - began)
    report = (tmp_path / "out" / "report" / "report.md").read_text()
    assert "## What was tried" in report
    assert "training set, cross-validated" in report
    assert "the final model" in report
    main([*command, "--budget", "1s"])
    assert "the budget is spent" in capsys.readouterr().out
    assert read_results(tmp_path / "out").chosen.name == results.chosen.name


def test_a_budget_that_earlier_calls_have_spent_without_a_model_is_refused_at_once(photos, tmp_path, capsys):
    mlp = Experiment(data=f"folder:{photos}", model="mlp", transfer=Transfer("none"))
    TimedRuns(tmp_path, seed=0, budget_s=20).claim([mlp])
    BudgetFolder(tmp_path, 20).write_spent(21.4)
    options = ["--budget", "20s", "--backbone", "mlp", "--weights", "none", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        main(["train", str(photos), *options])
    printed = " ".join(capsys.readouterr().err.split())
    assert "--budget: expected more than the 21 s that earlier calls have spent" in printed
