"""The `kerasclf` command, as a user meets it."""

import re
import subprocess
import sys

import pytest
from rich.console import Console

from kerasclf.cli import COMMANDS, main
from kerasclf.data import keras_sets
from kerasclf.studies import STUDIES
from kerasclf.studies.exercises import EXERCISES


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("basenet", "sound"),
        ("ladder", "published"),
        pytest.param("basenet", "published", marks=pytest.mark.slow),
        pytest.param("ladder", "sound", marks=pytest.mark.slow),
    ],
)
def test_every_study_runs_in_its_quick_form(name, protocol, tmp_path, capsys):
    only = ["--only", "sgd_20", "adam_20"] if name == "basenet" else ["--only", "augmented", "early_stopping"]
    if protocol == "published":
        del only[2]
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
    main(command)
    assert capsys.readouterr().out.count("is finished already") == len(only) - 1


def test_without_the_studys_data_it_says_so_in_two_lines(tmp_path, capsys, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError

    monkeypatch.setattr(keras_sets.socket, "create_connection", refuse)
    main(["study", "basenet", "--quick", "--only", "sgd_20", "--engine", "inline", "--out", str(tmp_path / "out")])
    printed = capsys.readouterr().out.splitlines()
    assert "CIFAR-100 is not cached" in printed[0]
    assert "published figures are not comparable" in printed[1]
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
        (["models", "basenet", "--input", "13"], "input_shape: expected (height, width, channels). Received: (13,)."),
        (["models", "--draw"], "Which network? Give its name first"),
        (["models", "basenet", "--diagram", "a.gif"], "ends in one of .png, .svg, .pdf, .txt. Received: 'a.gif'"),
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
    assert [line.split()[0] for line in lines] == ["course", *STUDIES]
    assert all("?" in line and len(line) < 140 for line in lines)


def test_the_help_names_the_exercises_of_the_course(capsys):
    with pytest.raises(SystemExit):
        main(["study", "course", "--help"])
    printed = re.sub(r"[\s│]+", " ", capsys.readouterr().out)
    assert ", ".join(exercise.name for exercise in EXERCISES) in printed


def test_models_are_listed(capsys):
    main(["models"])
    printed = capsys.readouterr().out
    assert re.search(r"^  basenet +24,197  32x32x3 +16x16  BaseNet: two valid 5×5", printed, flags=re.MULTILINE)
    assert re.search(r"^resnet: ResNet-18 to ResNet-152", printed, flags=re.MULTILINE)


def test_the_list_of_models_needs_no_tensorflow():
    code = "from kerasclf.cli import main; main(['models']); import sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize("width", [80, 140])
def test_a_model_is_explained_in_any_width(width, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.cli.Console", lambda **settings: Console(width=width))
    main(["models", "basenet", "--input", "64x64x3", "--classes", "10"])
    printed = capsys.readouterr().out
    assert printed.startswith("Builds BaseNet: two valid 5×5 convolutions with pooling, one hidden dense layer.\n")
    assert re.search(r"conv1_conv .* 60 × 60 × 6 +456 +1\.620 M .* 5/1", printed)
    assert ("(64 − 5 + 2·0)/1 + 1 = 60" in printed) == (width == 140)
    assert ("Left out for want of width: kind, (W − F + 2P)/S + 1" in printed) == (width == 80)
    assert "basenet, 64x64x3, 10 classes: 138,632 parameters · 3.378 M multiply-adds" in " ".join(printed.split())
    assert max(map(len, printed.splitlines())) <= width


def test_a_model_has_its_own_sizes_where_none_are_given(capsys):
    main(["models", "course_cnn"])
    assert "course_cnn, 28x28x1, 10 classes: " in capsys.readouterr().out


def test_a_model_is_drawn(tmp_path, capsys):
    main(["models", "basenet", "--draw"])
    assert re.search(r"^Conv2D 5×5, 16 · ReLU +10 × 10 × 16 +conv2_conv$", capsys.readouterr().out, flags=re.MULTILINE)
    main(["models", "basenet", "--diagram", str(tmp_path / "basenet.txt")])
    assert f"The diagram is in {tmp_path / 'basenet.txt'}." in capsys.readouterr().out
    assert "Conv2D 5×5, 16 · ReLU" in (tmp_path / "basenet.txt").read_text()


def test_without_graphviz_a_diagram_is_text(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("kerasclf.models.explaining.diagram._missing", lambda: "graphviz (apt install graphviz)")
    main(["models", "basenet", "--diagram", str(tmp_path / "basenet.png")])
    printed = capsys.readouterr().out
    assert (
        "basenet.png was not written: this machine lacks graphviz (apt install graphviz). The same as text:" in printed
    )
    assert "Conv2D 5×5, 16 · ReLU" in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_by_example(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"  kerasclf {command} " in capsys.readouterr().out


def test_the_help_of_all_commands_is_short(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert all(f"• {command}" in printed for command in COMMANDS)
    assert "Example" not in printed


def test_scripts_are_the_same_command():
    done = subprocess.run([sys.executable, "scripts/basenet.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--protocol" in done.stdout


def test_a_plan_says_what_a_study_will_cost_and_writes_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    main(["study", "ladder", "--data", "shapes", "--quick", "--repeats", "2", "--only", "bn_before",
          "--engine", "inline", "--plan", "--out", str(out)])  # fmt: skip
    printed = capsys.readouterr().out
    assert "plan: 2 runs to make, 1 side by side" in printed
    assert re.search(r"about \d+ s at most, \d\.\d GB of memory, \d+ MB of disk", printed)
    assert re.search(r"bn_before +│ +2 │ +113,281 │ +\d+\.\d\d │ +\d+\.\d\d │ +\d+\.\d\d │ +2 │", printed)
    assert not out.exists()


def test_train_trains_a_head_and_then_more_on_what_was_kept(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    command = ["train", "--data", "shapes", "--image-size", "32x32", "--backbone", "mobilenet_v2", "--weights", "none",
               "--unfreeze", "last1", "--quick", "--engine", "inline", "--out", str(out)]  # fmt: skip
    main(command)
    printed = capsys.readouterr().out
    assert "phase 1 of 2: head, 2 epochs" in printed
    assert "on kept activations of mobilenet_v2 up to pool" in printed
    assert "epoch 4/4" in printed
    assert "goes on after" not in printed  # a phase that begins is no run that was interrupted
    page = (out / "report" / "index.html").read_text()
    assert "started from random weights" in page
    main(["cache", "list"])
    assert re.search(r"mobilenet_v2 up to block_16_project_BN, b?float(16|32)", capsys.readouterr().out)
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
