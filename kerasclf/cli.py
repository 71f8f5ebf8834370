"""The `kerasclf` command. TensorFlow is imported only when there is something to compute."""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import tyro
from rich.console import Console

import kerasclf
from kerasclf.commands.benchmark import BenchmarkCommand
from kerasclf.commands.cache import CacheCommand
from kerasclf.commands.calibrate import CalibrateCommand
from kerasclf.commands.check import CheckCommand
from kerasclf.commands.cite import CiteCommand
from kerasclf.commands.completion import CompletionCommand, completion_script
from kerasclf.commands.course import CourseCommand
from kerasclf.commands.demo import DemoCommand
from kerasclf.commands.doctor import DoctorCommand
from kerasclf.commands.evaluate import EvaluateCommand
from kerasclf.commands.export import ExportCommand
from kerasclf.commands.launch import LaunchCommand
from kerasclf.commands.models import ModelsCommand
from kerasclf.commands.options.command_line import command_line_problems
from kerasclf.commands.options.help_page import help_of, help_of_all
from kerasclf.commands.predict import PredictCommand
from kerasclf.commands.printing.output import print_text, with_flags
from kerasclf.commands.report import ReportCommand
from kerasclf.commands.search import SearchCommand
from kerasclf.commands.show import ShowCommand
from kerasclf.commands.study import StudyCommand
from kerasclf.commands.train import TrainCommand
from kerasclf.commands.weights import WeightsCommand
from kerasclf.errors import (
    FindingsError,
    ImagesFailedError,
    KerasclfError,
    ParityError,
    RunsFailedError,
    listed,
    unknown,
)
from kerasclf.escaping import visible
from kerasclf.extras import missing_extra

_DESCRIPTION = "Image-classification studies with Keras: ask a question, run it, trust the answer."

COMMANDS: dict[str, type] = {
    "check": CheckCommand,
    "train": TrainCommand,
    "study": StudyCommand,
    "course": CourseCommand,
    "search": SearchCommand,
    "launch": LaunchCommand,
    "report": ReportCommand,
    "predict": PredictCommand,
    "calibrate": CalibrateCommand,
    "evaluate": EvaluateCommand,
    "export": ExportCommand,
    "benchmark": BenchmarkCommand,
    "demo": DemoCommand,
    "models": ModelsCommand,
    "show": ShowCommand,
    "weights": WeightsCommand,
    "cache": CacheCommand,
    "doctor": DoctorCommand,
    "cite": CiteCommand,
    "completion": CompletionCommand,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    The exit code is 1 if some runs of a study failed, some images could not be read, an exported model predicts
    otherwise, a check of images has findings that matter or the doctor finds a problem. It is 2 if the input cannot be
    used. docs/command_line.md lists all codes.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:2], "--help"]
    name, words, launched = next(iter(arguments), "--help"), arguments[1:], tuple[str, ...]()
    if name == "launch" and "--" in words:  # the options after it are those of another command
        words, launched = words[: words.index("--")], tuple(words[words.index("--") + 1 :])
    if text := _answer(name, words):
        _print(text)
        return
    if name not in COMMANDS:
        _refuse(unknown("command", name, COMMANDS))
    if not _has_current_folder():
        _refuse("The current folder no longer exists. Change to another one.")
    if problems := command_line_problems(name, COMMANDS[name], words):
        _refuse(problems[0] if len(problems) == 1 else listed(f"kerasclf {name} cannot run", problems))
    command: Any = tyro.cli(
        COMMANDS[name],
        prog=f"kerasclf {name}",
        args=words,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    if launched:
        command = dataclasses.replace(command, command=launched)
    if isinstance(command, CompletionCommand):  # which alone needs all the others
        _print(completion_script(command.shell, COMMANDS))
        return
    # Names of files and classes may look like rich's markup or emoji codes.
    console = Console(width=None if sys.stdout.isatty() else 140, markup=False, emoji=False)
    try:
        command.run(console)
    except (KerasclfError, OSError) as error:
        failed = isinstance(error, RunsFailedError | ImagesFailedError | ParityError | FindingsError)
        _refuse(with_flags(str(error), command), code=1 if failed else 2)
    except ModuleNotFoundError as error:
        if message := missing_extra(error.name):
            _refuse(message)
        raise


def after_interruption(arguments: Sequence[str] | None = None) -> str:
    """Returns what an interrupted command leaves, in a sentence; empty if nothing is to be said.

    Args:
        arguments: The arguments of the command; None for those of this process.
    """
    name = next(iter(sys.argv[1:] if arguments is None else arguments), "")
    return str(getattr(COMMANDS.get(name), "INTERRUPTED", ""))


def _has_current_folder() -> bool:
    """Returns whether relative paths lead anywhere: the current folder may have been deleted meanwhile."""
    try:
        Path.cwd()
    except OSError:
        return False
    return True


def _print(text: str) -> None:
    try:
        print_text(text)
    except OSError as error:
        _refuse(str(error))


def _refuse(message: str, code: int = 2) -> NoReturn:
    print(f"error: {visible(message)}", file=sys.stderr)
    sys.exit(code)


def _answer(name: str, words: Sequence[str]) -> str | None:
    """Returns the version or a help text, if the command line asks for one."""
    if name == "--version":
        return f"kerasclf {kerasclf.__version__}"
    if name in ("-h", "--help", "--help-all"):
        return help_of_all(COMMANDS, _DESCRIPTION)
    if name in COMMANDS and {"-h", "--help", "--help-all"} & {*words}:
        return help_of(name, COMMANDS[name], full="--help-all" in words)
    return None
