"""The `kerasclf` command as a whole: its help, its scripts, and what it does with a mistake."""

import subprocess
import sys

import pytest

import kerasclf
from kerasclf.cli import COMMANDS, main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "Unknown command 'trian'. Did you mean 'train'?"),
        (["train", "--lr", "0.1"], "kerasclf train has no option --lr. Did you mean --learning-rate?"),
        (["train", "--model", "resnet50"], "kerasclf train has no option --model. Did you mean --backbone?"),
        (["study", "basenet", "--epoch", "3"], "kerasclf study has no option --epoch. Did you mean --epochs?"),
        (["train", "--batchsize=8"], "kerasclf train has no option --batchsize. Did you mean --batch-size?"),
        (["study", "basenet", "--model", "x"], "kerasclf study has no option --model. kerasclf study --help"),
        (["study", "basenet", "--repeat", "3"], "Did you mean --repeats?"),
    ],
)
def test_an_unknown_name_is_answered_with_the_name_that_was_meant(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert message in capsys.readouterr().err


def test_the_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"kerasclf {kerasclf.__version__}\n"


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


def test_the_birds_script_says_how_it_is_used():
    shown = subprocess.run([sys.executable, "scripts/resnet50_birds.py", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0
    assert "--finetune" in shown.stdout and "--unfreeze CUT" in shown.stdout
