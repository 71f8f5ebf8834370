"""The `kerasclf` command as a whole: its help, its scripts, and what it does with a mistake."""

import subprocess
import sys

import pytest

from kerasclf.cli import COMMANDS, main


def test_an_unknown_flag_exits_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["study", "basenet", "--repeat", "3"])
    assert "--repeats" in capsys.readouterr().err


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
