"""`kerasclf study`, as a user meets it."""

import re

import pytest

from kerasclf.cli import main
from kerasclf.commands.study import StudyCommand
from kerasclf.data.published import keras_sets
from kerasclf.data.spec_kinds import SPECS
from kerasclf.studies import STUDIES
from tests.prepared_engine import Prepared
from tests.report.run_folders import draw_nothing


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "laddr"], "Unknown study 'laddr'. Did you mean 'ladder'?"),
        (["study", "convnext", "--data", "shapes", "--quick", "--reduced"], "Expected --quick or --reduced."),
        (["study"], "Which study? Known: basenet, ladder"),
        (["study", "course"], "The course is a command of its own: kerasclf course"),
        (
            ["study", "basenet", "--data", "cifar101", "--engine", "inline"],
            "Unknown data set 'cifar101', and there is no folder or file of this name. Did you mean 'cifar10",
        ),
        (["study", "basenet", "--data", "folder:/nowhere", "--engine", "inline"], "The folder /nowhere does not exist"),
        (["study", "basenet", "--data", "shapes", "--protocol", "sund"], "Did you mean 'sound'?"),
        (["study", "basenet", "--data", "shapes", "--repeats", "0"], "--repeats: expected at least 1. Received: 0."),
        *(
            (["study", "basenet", "--data", "shapes", "--repeats", text], f"--repeats: {message} Received: {received}.")
            for text, message, received in (
                ("10..3", "expected at least 2 runs at first, and more at most.", "10 to 3"),
                ("0..5", "expected at least 2 runs at first, and more at most.", "0 to 5"),
                ("3..", "expected a number of runs, or two such as 3..10.", "'3..'"),
                ("a..b", "expected a number of runs, or two such as 3..10.", "'a..b'"),
                ("3..5..10", "expected a number of runs, or two such as 3..10.", "'3..5..10'"),
            )
        ),
        (
            ["study", "basenet", "--data", "shapes", "--plan", "--difference", "0", "--seed-deviation", "101"],
            "  - --difference: expected points between 0 and 100. Received: 0.\n"
            "  - --seed-deviation: expected points between 0 and 100. Received: 101.",
        ),
        (
            ["study", "basenet", "--data", "shapes", "--difference", "2"],
            "--difference: expected --plan with it, as it changes no run.",
        ),
        (["study", "basenet", "--data", "shapes", "--gpus", "8"], "--gpus: expected --plan with it, as it only fore"),
        (
            ["study", "basenet", "--data", "shapes", "--plan", "--gpus", "1"],
            "--gpus: expected at least 2. Received: 1.",
        ),
        (["study", "basenet", "--data", "shapes", "--only", "adam20"], "Did you mean 'adam_20'?"),
        (["study", "basenet", "--data", "shapes", "--image-size", "big"], "--image-size: expected HEIGHTxWIDTH"),
        (["study", "basenet", "--data", "shapes", "--train-per-class", "1"], "--train-per-class: expected at least 2"),
        (
            ["study", "basenet", "--data", "shapes", "--jobs", "2", "--engine", "inline"],
            "--engine inline executes the runs one by one. Leave out --jobs. Received: --jobs 2.",
        ),
        (["study", "basenet", "--data", "shapes", "--jobs", "0"], "--jobs: expected a number of at least 1, or auto"),
        (["study", "basenet", "--data", "shapes", "--engine", "rai"], "Unknown engine 'rai'. Did you mean 'ray'?"),
        (["study", "basenet", "--data", "shapes", "--address", "auto"], "--address needs --engine ray"),
    ],
)
def test_mistakes_get_one_message_and_exit_2(refused, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refused(*arguments)
    assert message in error
    assert error.startswith("error: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("basenet", "sound"),
        pytest.param("ladder", "published", marks=pytest.mark.slow),
        pytest.param("basenet", "published", marks=pytest.mark.slow),
        pytest.param("ladder", "sound", marks=pytest.mark.slow),
    ],
)
def test_every_study_runs_in_its_quick_form(name, protocol, tmp_path, capsys, monkeypatch):
    only = ["--only", "adam_20" if name == "basenet" else "early_stopping"]
    out = tmp_path / "out"
    command = ["study", name, "--data", "shapes", "--quick", "--protocol", protocol, "--out", str(out),
               "--engine", "inline", *only]  # fmt: skip
    main(command)
    printed = capsys.readouterr().out
    assert "shapes (synthetic, not photographs)" in printed
    assert "epoch 2/2" in printed
    assert "images/s" in printed
    assert "its results mean nothing" in printed
    assert (out / "report" / "index.html").stat().st_size > 100_000
    draw_nothing(monkeypatch)
    main(command)
    assert capsys.readouterr().out.count("is already finished") == len(only) - 1


def test_without_the_studys_data_it_says_so_in_two_lines(tmp_path, capsys, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError

    draw_nothing(monkeypatch)
    monkeypatch.setattr(keras_sets.socket, "create_connection", refuse)
    main(["study", "basenet", "--quick", "--only", "sgd_20", "--engine", "inline", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out.splitlines()
    assert "CIFAR-100 is not cached" in printed[0]
    assert "published figures are not comparable" in printed[1]
    assert "shapes" in (tmp_path / "out" / "report" / "summary.csv").read_text()


def test_studies_are_listed(capsys):
    main(["study", "--list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[: len(STUDIES)]] == [*STUDIES]
    assert all("?" in line and len(line) < 140 for line in lines[: len(STUDIES)])
    assert "kerasclf course" in lines[-1]


def test_the_help_names_every_kind_of_data(capsys):
    main(["study", "--help"])
    data = re.search(r"--data DATA(.*?)--image-size", capsys.readouterr().out, re.DOTALL)[1]
    assert {kind for kind in SPECS if not re.search(rf"\b{kind}\b", data)} == set()


@pytest.mark.slow
def test_a_plan_says_what_a_study_will_cost_and_writes_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    main(["study", "ladder", "--data", "shapes", "--quick", "--repeats", "2", "--only", "bn_before",
          "--engine", "inline", "--plan", "--out", str(out)])  # fmt: skip
    printed = capsys.readouterr().out
    assert "reduced: at most 40 training and validation images per class; at most 10 test images" in printed
    assert "; 2 epochs instead of 30; " in printed
    assert "plan: 2 runs to make, one at a time" in printed
    assert re.search(
        r"training about \d+ s, plus start and report; [\d.]+ [MG]B of memory, [\d.]+ MB of disk space", printed
    )
    assert re.search(r"bn_before +│ +2 │ +113,281 │ +\d+\.\d\d │ +\d+\.\d\d │ +\d+\.\d\d │ +2 │", printed)
    assert not out.exists()


@pytest.fixture
def prepared(monkeypatch):
    """Runs of the ladder that take no time, of which the second experiment is clearly better."""
    engine = Prepared({"base": lambda seed: 0.2, "deeper": lambda seed: 0.9})
    monkeypatch.setattr(StudyCommand, "make_engine", lambda self: engine)
    return engine


def test_a_study_stops_when_every_comparison_is_decided(prepared, tmp_path, capsys, monkeypatch):
    draw_nothing(monkeypatch)
    out = tmp_path / "out"
    command = ["study", "ladder", "--data", "shapes", "--repeats", "3..10", "--only", "base", "deeper",
               "--out", str(out)]  # fmt: skip
    main([*command, "--plan"])
    assert not out.exists()
    assert "plan: at most 20 runs to make" in capsys.readouterr().out
    main(command)
    printed = capsys.readouterr().out
    assert "(sound, 3 to 10 runs each)" in printed
    assert re.search(
        r"at least 6 runs, training about [^:]+: it looks at the results after 3, 5 and 10 runs each", printed
    )
    stopped = "Stopped after 3 of at most 10 runs: every comparison is decided."
    assert stopped in printed
    assert len(prepared.made) == 6
    report = (out / "report" / "report.md").read_text()
    assert stopped in report
    assert "All p-values allow for the looks at the results after 3, 5 and 10 runs." in report
    assert "--repeats 3..10" in report


def test_a_plan_forecasts_the_speed_on_several_gpus(prepared, tmp_path, capsys):
    main(["study", "ladder", "--data", "shapes", "--only", "base", "--plan", "--gpus", "8", "--out",
          str(tmp_path / "out")])  # fmt: skip
    printed = capsys.readouterr().out
    assert printed.index("remaining runs") < printed.index("forecast for 8 GPUs") < printed.index("plan: 1 run to make")
    assert "forecast: there is no GPU here, so this CPU stands for one GPU" in printed


def test_a_plan_says_how_many_runs_find_a_difference(prepared, tmp_path, capsys):
    main(["study", "ladder", "--data", "shapes", "--only", "base", "deeper", "--plan", "--out", str(tmp_path / "out"),
          "--difference", "40", "--seed-deviation", "2"])  # fmt: skip
    printed = capsys.readouterr().out
    assert (
        "2 runs of each experiment find a difference of 40 points in four of five cases (1 comparison on 30 test"
        in printed
    )
    assert "2 points from seed to seed (assumed; --seed-deviation)" in printed
