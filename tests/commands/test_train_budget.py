"""`kerasclf train --budget`: its checks, its networks, and a whole training."""

import time
from dataclasses import fields

import pytest

from kerasclf import Experiment
from kerasclf.cli import main
from kerasclf.commands.options.imbalance_options import ImbalanceOptions
from kerasclf.commands.train import TrainCommand
from kerasclf.commands.train_budget import _DECIDED, _checked, _networks
from kerasclf.report import read_results
from kerasclf.search.time_budget.budget_record import BudgetFolder
from kerasclf.search.time_budget.timed_runs import TimedRuns
from kerasclf.transfer import Transfer

# The options that --budget honours; train_budget._DECIDED lists those that it refuses.
HONOURED = {
    "budget", "images", "data", "group_by", "skip_broken", "train_per_class", "test_per_class", "image_size", "fit",
    "backbone", "weights", "head", "dropout", "batch_size", "precision", "strategy", "seed", "out",
    *(field.name for field in fields(ImbalanceOptions)),
}  # fmt: skip
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


def test_an_option_of_train_is_refused_or_honoured_with_a_budget():
    names = [field.name for field in fields(TrainCommand)]
    assert sorted(names) == sorted([*_DECIDED, *HONOURED])


def test_the_settings_that_a_budget_honours_reach_the_experiments():
    command = TrainCommand(
        images="digits", backbone=("mlp",), weights=("none",), budget="1min", head=(7,), dropout=0.25, batch_size=5,
        precision="float32", strategy="none", image_size="12x12", fit="pad", train_per_class=20, test_per_class=6,
        class_weight="balanced",
    )  # fmt: skip
    seconds, (one,) = _checked(command)
    assert seconds == 60
    assert dict(one.model_args) == {"head": (7,), "head_dropout": 0.25}
    assert (one.train.batch_size, one.train.precision, one.train.strategy) == (5, "float32", "none")
    assert (one.image_size, one.fit, one.train.class_weight) == ((12, 12), "pad", "balanced")
    assert (one.split.train_per_class, one.split.test_per_class) == (20, 6)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--data", "digits", "--continue", "runs/x"], ["--continue: expected no value with --budget"]),
        (["--data", "digits", "--views", "3"], ["--views: expected no value with --budget"]),
        (
            ["--data", "digits", "--unfreeze", "head", "--head-epochs", "-3", "--epochs", "0"],
            [f"{flag}: expected no value with --budget" for flag in ("--unfreeze", "--head-epochs", "--epochs")],
        ),
    ],
)
def test_only_the_options_that_a_user_gave_are_refused(options, expected, refused):
    error = refused("train", "--budget", "20m", "--weights", "none", "--backbone", "mlp", *options)
    problems = [line for line in error.splitlines() if "expected" in line]
    assert len(problems) == len(expected)
    assert all(any(text in line for line in problems) for text in expected)


def test_a_budget_with_a_run_to_continue_does_not_name_networks_that_nobody_gave(refused):
    error = refused("train", "--budget", "20m", "--continue", "runs/x", "--weights", "none")
    assert "--continue: expected no value with --budget, which decides it." in error
    assert "--backbone" not in error and "--weights" not in error


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
    main([*command, "--budget", "90s"])
    printed = capsys.readouterr().out
    assert "mlp: cross-validated accuracy" in printed
    assert "mlp, last_stage: dropped; unfreeze: mlp has no feature maps" in printed
    results = read_results(tmp_path / "out")
    assert {e.name for e in results.experiments} == {"mlp_head", "mlp_all"}
    assert results.budget.spent_s <= min(90, time.monotonic() - began)
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
