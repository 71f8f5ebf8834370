"""The `kerasclf` command. TensorFlow is imported only when there is something to compute."""

import functools
import inspect
import operator
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import tyro
from rich.console import Console

import kerasclf
from kerasclf.commands.cache import CacheCommand
from kerasclf.commands.course import CourseCommand
from kerasclf.commands.models import ModelsCommand
from kerasclf.commands.output import flags_of, with_flags
from kerasclf.commands.report import ReportCommand
from kerasclf.commands.search import SearchCommand
from kerasclf.commands.show import ShowCommand
from kerasclf.commands.study import StudyCommand
from kerasclf.commands.train import TrainCommand
from kerasclf.commands.weights import WeightsCommand
from kerasclf.errors import KerasclfError, RunsFailedError, close_names, unknown

COMMANDS = {
    "train": TrainCommand,
    "study": StudyCommand,
    "course": CourseCommand,
    "search": SearchCommand,
    "report": ReportCommand,
    "models": ModelsCommand,
    "show": ShowCommand,
    "weights": WeightsCommand,
    "cache": CacheCommand,
}


# Names that other tools give to an option of ours.
SYNONYMS = {
    "--lr": ("--learning-rate",),
    "--model": ("--backbone",),
    "--arch": ("--backbone",),
    "--batchsize": ("--batch-size",),
    "--bs": ("--batch-size",),
    "--epoch": ("--epochs",),
    "--dataset": ("--data",),
    "--output": ("--out",),
    "--workers": ("--jobs",),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    The exit code is 1 if some runs of a study failed, and 2 if the input cannot be used.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments == ["--version"]:
        print(f"kerasclf {kerasclf.__version__}")
        return
    if problem := _unknown_name(arguments):
        _refuse(problem)
    command = tyro.cli(
        functools.reduce(operator.or_, (_described(name, arguments[:1] == [name]) for name in COMMANDS)),
        prog="kerasclf",
        description="Image-classification studies with Keras: ask a question, run it, trust the answer.",
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        command.run(console)
    except (KerasclfError, OSError) as error:
        _refuse(with_flags(str(error), command), code=1 if isinstance(error, RunsFailedError) else 2)


def _refuse(message: str, code: int = 2) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _unknown_name(arguments: Sequence[str]) -> str | None:
    """Returns what is wrong with the name of the command or of an option, with the name that was meant; or None.

    tyro would answer with the usage of every command.
    """
    name = next(iter(arguments), "--help")
    if name.startswith("-"):
        return None
    if name not in COMMANDS:
        return unknown("command", name, COMMANDS)
    flags = _flags_of(COMMANDS[name])
    for argument in arguments[1:]:
        flag = argument.partition("=")[0].replace("_", "-")
        if flag.startswith("--") and flag not in flags:
            meant = [known for known in SYNONYMS.get(flag, ()) if known in flags]
            meant += [f"--{near}" for near in close_names(flag[2:], [known[2:] for known in sorted(flags)])]
            hint = f" Did you mean {meant[0]}?" if meant else ""
            return f"kerasclf {name} has no option {flag}.{hint} kerasclf {name} --help lists the options."
    return None


def _flags_of(command: type) -> set[str]:
    """Returns the options of a command, with their leading dashes."""
    return {*flags_of(command).values(), "--help"}


def _described(name: str, whole: bool) -> Any:
    """Returns a command for tyro, described by its docstring or by the first paragraph of it.

    tyro itself would leave out the examples.
    """
    words = inspect.getdoc(COMMANDS[name]) or ""
    description = words if whole else words.partition("\n\n")[0]
    return Annotated[COMMANDS[name], tyro.conf.subcommand(name, description=description)]
