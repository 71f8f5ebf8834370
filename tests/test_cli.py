"""The `kerasclf` command as a whole: its help, its scripts, and what it does with a mistake."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import kerasclf
from kerasclf.cli import COMMANDS, main
from kerasclf.commands.options.command_line import command_line_problems
from kerasclf.commands.options.option_fields import options_of


@pytest.mark.parametrize(
    ("arguments", "problems"),
    [
        (["--epoch", "3", "--lr", "1"], ["no option --epoch. Did you mean --epochs?", "no option --lr. Did you mean"]),
        (["--seed", "x", "--seed", "1"], ["--seed: expected a whole number. Received: 'x'.", "--seed is given twice."]),
        (["--learning-rate", "0", "--epochs", "0", "--batch-size", "0", "--repeats", "0", "--engine", "x"],
         ["--learning-rate: expected a number above 0", "--epochs: expected at least 1", "--batch-size: expected",
          "--repeats: expected at least 1", "Unknown engine 'x'"]),
    ],
)  # fmt: skip
def test_all_problems_are_listed_at_once(arguments, problems, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--data", "shapes", *arguments])
    title, *lines = capsys.readouterr().err.splitlines()
    assert title == "error: kerasclf train cannot run:"
    assert len(lines) == len(problems)
    for problem in problems:
        assert any(line.startswith("  - ") and problem in line for line in lines), problem


def test_the_version(capsys):
    main(["--version"])
    assert capsys.readouterr().out == f"kerasclf {kerasclf.__version__}\n"


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_short_and_teaches_by_example(command, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    main([command, "--help"])
    printed = capsys.readouterr().out
    lines = printed.splitlines()
    assert len(lines) < 50
    assert max(len(line) for line in lines if not line.startswith("  kerasclf")) <= columns
    assert lines[0].startswith(f"usage: kerasclf {command}")
    assert f"  kerasclf {command} " in printed
    assert "None" not in printed and "default:" not in printed


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_a_help_is_a_command_line(command, capsys):
    main([command, "--help-all"])
    examples = re.findall(r"^  kerasclf (\S+) ?(.*)$", capsys.readouterr().out, flags=re.MULTILINE)
    assert command in [name for name, _ in examples]
    for name, line in examples:
        words = shlex.split(
            re.split(r" {3,}|(?:^| )>{1,2} | \| ", line)[0], comments=True
        )  # less remarks and redirections
        assert command_line_problems(name, COMMANDS[name], words) == [], line


@pytest.mark.parametrize("command", COMMANDS)
def test_the_whole_help_describes_each_option_once(command, capsys):
    main([command, "--help-all"])
    printed = capsys.readouterr().out
    for option in options_of(COMMANDS[command]):
        assert option.text, option.field
        assert len(re.findall(rf"^  (?:-o, )?{option.typed}(?: |$)", printed, flags=re.MULTILINE)) == 1, option.field
    assert "other options" not in printed  # each option has its group


def test_the_short_help_says_how_many_options_it_leaves_out(capsys):
    main(["train", "--help"])
    short = capsys.readouterr().out
    main(["train", "--help-all"])
    left_out = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, flags=re.MULTILINE))
    left_out -= set(re.findall(r"^  (--[a-z-]+)", short, flags=re.MULTILINE))
    assert short.endswith(f"kerasclf train --help-all describes {len(left_out)} more options.\n")
    assert {"--layer-decay", "--seed", "--address"} <= left_out


def test_a_current_folder_that_was_deleted_is_named(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "deleted"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    with pytest.raises(SystemExit) as ended:
        main(["predict", "run", "photo.jpg"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "error: The current folder no longer exists. Change to another one.\n"
    main(["predict", "--help"])
    assert "kerasclf predict" in capsys.readouterr().out


def test_help_is_a_word_too(capsys):
    main(["train", "--help"])
    expected = capsys.readouterr().out
    main(["help", "train"])
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("arguments", [[], ["--help"], ["help"]])
def test_the_help_of_all_commands_is_short(arguments, capsys):
    main(arguments)
    printed = capsys.readouterr().out
    assert all(re.search(rf"^  {command} +[A-Z]", printed, flags=re.MULTILINE) for command in COMMANDS)
    assert len(printed.splitlines()) < 40
    assert "Example" not in printed


def test_the_makefile_installs_such_that_the_folder_of_the_clone_does_not_hide_the_package():
    """Python takes a folder kerasclf in the working directory for the package, unless its path is known (compat)."""
    makefile = (Path(__file__).parents[1] / "Makefile").read_text()
    assert "--config-settings editable_mode=compat" in makefile
    assert makefile.count("pip install") == makefile.count("pip install $(PIP_OPTIONS) --editable") > 0


def test_scripts_are_the_same_command():
    done = subprocess.run([sys.executable, "scripts/basenet.py", "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "--protocol" in done.stdout


def test_the_birds_script_says_how_it_is_used():
    shown = subprocess.run([sys.executable, "scripts/resnet50_birds.py", "--help"], capture_output=True, text=True)
    assert shown.returncode == 0
    assert "--finetune" in shown.stdout and "--unfreeze PART" in shown.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="the shell of other systems")
@pytest.mark.parametrize(
    ("line", "code", "error"),
    [
        ("cite | true", 1, ""),
        ("study --help-all | true", 1, ""),
        ("--version >/dev/full", 2, "error: [Errno 28] No space left on device\n"),
        ("cache lst >&-", 2, "error: TASK: expected list or clear. Received: 'lst'.\n"),
        ("cache list <&- >&- 2>&-", 0, ""),
    ],
)
def test_output_that_is_closed_or_full_leaves_no_traceback(line, code, error, tmp_path):
    command = f"set -o pipefail; {shlex.quote(sys.executable)} -m kerasclf {line}"
    environment = {**os.environ, "KERASCLF_CACHE": str(tmp_path)}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (code, error)
