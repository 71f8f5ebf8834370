"""`kerasclf completion`: each shell completes with its script."""

import shutil
import subprocess

import pytest

from kerasclf.cli import COMMANDS, main
from kerasclf.commands.options.option_fields import options_of

# A line that is typed, and words that it offers.
TYPED = [
    ("kerasclf tr", {"train"}),
    ("kerasclf train --ep", {"--epochs"}),
    ("kerasclf train photos --track ", {"wandb", "mlflow", "tensorboard"}),
    ("kerasclf study basen", {"basenet"}),
    ("kerasclf models resnet50", {"resnet50", "resnet50v2"}),
    ("kerasclf cache cl", {"clear"}),
    ("kerasclf completion ", {"bash", "zsh", "fish"}),
    ("kerasclf study --out bas", set()),  # the value of another option: only files, and there are none
]
BASH = """
source "$1"
read -ra COMP_WORDS <<< "$2"
[[ $2 == *" " ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_kerasclf
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(tmp_path, capsys):
    def write(shell):
        main(["completion", shell])
        path = tmp_path / f"kerasclf.{shell}"
        path.write_text(capsys.readouterr().out)
        return path

    return write


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


def answers(tmp_path, *command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return {line.split("\t")[0] for line in done.stdout.splitlines() if line}


@needs("bash")
def test_bash_completes(script, tmp_path):
    path = script("bash")
    (folder := tmp_path / "empty").mkdir()
    for typed, offered in TYPED:
        assert answers(folder, "bash", "-c", BASH, "bash", path, typed) == offered, typed


@needs("fish")
def test_fish_completes(script, tmp_path):
    path = script("fish")
    (folder := tmp_path / "empty").mkdir()
    for typed, offered in TYPED:
        found = answers(folder, "fish", "--no-config", "-c", f"source {path}; complete -C '{typed}'")
        assert found == offered, typed


@needs("zsh")
def test_zsh_reads_its_script(script):
    subprocess.run(["zsh", "-n", script("zsh")], check=True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command_and_option(shell, script):
    text = script(shell).read_text()
    for name, command in COMMANDS.items():
        (part,) = [lines for lines in parts(shell, text) if lines.startswith(name)]
        for option in options_of(command):
            flag = option.typed.removeprefix("--") if shell == "fish" else option.typed
            assert option.positional or f"-l {flag} " in part or f"{flag}[" in part or f"{flag} " in part, option.field


def parts(shell, text):
    """Returns the part of each command; it begins with the command's name."""
    if shell == "fish":
        return text.split("complete -c kerasclf -n __fish_use_subcommand -f -a ")[1:]
    start, end = ("case ${COMP_WORDS[1]} in\n", "esac") if shell == "bash" else ("case $words[1] in\n", "  esac")
    return [part.strip() for part in text.partition(start)[2].partition(end)[0].split(" ;;\n")]


def test_the_values_of_every_choice_are_offered(script):
    text = script("bash").read_text()
    for name, command in COMMANDS.items():
        for option in options_of(command):
            if option.choices:
                assert f'words="{" ".join(option.choices)}" ;;' in text, (name, option.field)
