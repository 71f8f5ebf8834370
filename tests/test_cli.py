"""The `kerasclf` command, as a user meets it."""

import re
import subprocess
import sys

import pytest

from kerasclf.cli import main
from kerasclf.data import keras_sets


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("name", ["basenet", "ladder"])
@pytest.mark.parametrize("protocol", ["sound", "published"])
def test_every_study_runs_in_its_quick_form(name, protocol, tmp_path, capsys):
    only = ["--only", "sgd_20", "adam_20"] if name == "basenet" else ["--only", "augmented", "early_stopping"]
    if protocol == "published":
        del only[2]
    # One of the four in processes of their own, which take seconds to start.
    engine = "processes" if (name, protocol) == ("ladder", "sound") else "inline"
    out = tmp_path / "out"
    command = ["study", name, "--data", "shapes", "--quick", "--protocol", protocol, "--out", str(out),
               "--engine", engine, *only]  # fmt: skip
    main(command)
    said = capsys.readouterr().out
    assert "shapes (drawn, not photographs)" in said
    assert "epoch 2/2" in said
    assert "images/s" in said
    assert "its figures mean nothing" in said
    assert (out / "report" / "index.html").stat().st_size > 100_000
    if engine == "inline":
        main(command)
        assert capsys.readouterr().out.count("is finished already") == len(only) - 1


def test_without_the_studys_data_it_says_so_in_two_lines(tmp_path, capsys, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(keras_sets.socket, "create_connection", refuse)
    main(["study", "basenet", "--quick", "--only", "sgd_20", "--engine", "inline", "--out", str(tmp_path / "out")])
    said = capsys.readouterr().out.splitlines()
    assert "CIFAR-100 is neither cached" in said[0]
    assert "published figures are not comparable" in said[1]
    assert "shapes" in (tmp_path / "out" / "report" / "summary.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["study", "laddr"], "Unknown study 'laddr'. Did you mean 'ladder'?"),
        (["study"], "Which study? Known: basenet, ladder"),
        (
            ["study", "basenet", "--data", "cifar101", "--engine", "inline"],
            "Unknown data set 'cifar101'. Did you mean 'cifar10",
        ),
        (["study", "basenet", "--data", "folder:/nowhere", "--engine", "inline"], "The folder /nowhere does not exist"),
        (["study", "basenet", "--data", "shapes", "--protocol", "sund"], "Did you mean 'sound'?"),
        (["study", "basenet", "--data", "shapes", "--repeats", "0"], "Expected at least 1 repeat"),
        (["study", "basenet", "--data", "shapes", "--only", "adam20"], "Did you mean 'adam_20'?"),
        (["study", "basenet", "--data", "shapes", "--image-size", "big"], "--image-size: expected HEIGHTxWIDTH"),
        (["study", "basenet", "--data", "shapes", "--train-per-class", "1"], "train_per_class: expected at least 2"),
        (["study", "basenet", "--data", "shapes", "--jobs", "0"], "--jobs: expected a number of at least 1, or auto"),
        (["study", "basenet", "--data", "shapes", "--engine", "rai"], "Unknown engine 'rai'. Did you mean 'ray'?"),
        (["study", "basenet", "--data", "shapes", "--address", "auto"], "--address needs --engine ray"),
        (["report", "/nowhere"], "/nowhere holds no study"),
        (["models", "basenett"], "Did you mean 'basenet'?"),
        (["models", "basenet", "--input", "8x8x3"], "expected images of at least 16x16. Received: 8x8"),
        (["models", "basenet", "--input", "8x8"], "--input: expected HEIGHTxWIDTHxCHANNELS"),
    ],
)
def test_mistakes_get_one_message_and_exit_2(capsys, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = refused(capsys, *arguments)
    assert message in error
    assert error.startswith("error: ")
    assert not list(tmp_path.iterdir())


def test_an_unknown_flag_exits_2(capsys):
    assert "--repeat" in refused(capsys, "study", "basenet", "--repeat", "3")


def test_studies_are_listed(capsys):
    main(["study", "--list"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["basenet", "ladder", "birds"]


def test_models_are_listed_and_explained(capsys):
    main(["models"])
    said = capsys.readouterr().out
    assert "24,197" in said
    assert "16x16" in said
    main(["models", "basenet", "--input", "64x64x3", "--classes", "10"])
    assert "(64 − 5 + 2·0)/1 + 1 = 60" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["--help"], ["study", "--help"], ["report", "--help"], ["models", "--help"]])
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main(command)
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert "kerasclf" in said
    assert len(said.splitlines()) > 8


def test_scripts_are_the_same_command():
    done = subprocess.run([sys.executable, "scripts/basenet.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--protocol" in done.stdout


def test_a_plan_says_what_a_study_will_cost_and_writes_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    main(["study", "ladder", "--data", "shapes", "--quick", "--repeats", "2", "--only", "bn_before",
          "--engine", "inline", "--plan", "--out", str(out)])  # fmt: skip
    said = capsys.readouterr().out
    assert "plan: 2 runs to make, 1 side by side" in said
    assert re.search(r"about \d+ s at most, \d\.\d GB of memory, \d+ MB of disk", said)
    assert re.search(r"bn_before +│ +2 │ +113,281 │ +\d+\.\d\d │ +\d+\.\d\d │ +\d+\.\d\d │ +2 │", said)
    assert not out.exists()


def test_train_trains_a_head_and_then_more_on_what_was_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    command = ["train", "--data", "shapes", "--image-size", "32x32", "--backbone", "mobilenet_v2", "--weights", "none",
               "--unfreeze", "last1", "--quick", "--engine", "inline", "--out", str(out)]  # fmt: skip
    main(command)
    said = capsys.readouterr().out
    assert "phase 1 of 2: head, 2 epochs" in said
    assert "on kept activations of mobilenet_v2 up to pool" in said
    assert "epoch 4/4" in said
    assert "goes on after" not in said  # a phase that begins is no run that was interrupted
    page = (out / "report" / "index.html").read_text()
    assert "began with random weights" in page
    main(["cache", "list"])
    assert "mobilenet_v2 up to block_16_project_BN, float32" in " ".join(capsys.readouterr().out.split())
    main(["cache", "clear"])
    assert "cleared 2 of 2 caches" in capsys.readouterr().out
    main(["cache", "list"])
    assert f"nothing is kept in {tmp_path / 'cache'}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "Which images? Give --data folder:PATH"),
        (["train", "--data", "shapes", "--unfreeze", "stag5"], "Did you mean 'stage5'?"),
        (["train", "--data", "shapes", "--backbone", "resnet5", "--weights", "none"], "Did you mean 'resnet50'"),
        (["train", "--data", "shapes", "--views", "3"], "expected an augmentation that changes images"),
        (["cache", "clear", "nothing"], "No cache is named 'nothing'"),
        (["study", "basenet", "--data", "shapes", "--weights", "none"], "basenet, which has no pretrained weights"),
    ],
)
def test_mistakes_with_pretrained_networks(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path))
    inline = ["--engine", "inline"] if arguments[0] != "cache" else []
    assert message in refused(capsys, *arguments, *inline)


def test_the_birds_script_says_how_it_is_used():
    shown = subprocess.run([sys.executable, "scripts/resnet50_birds.py", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0
    assert "--finetune" in shown.stdout and "--unfreeze CUT" in shown.stdout
