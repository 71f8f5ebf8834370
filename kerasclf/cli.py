"""The `kerasclf` command. TensorFlow is imported only when there is something to compute."""

import functools
import inspect
import operator
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import tyro
from rich.console import Console

from kerasclf.commands.cache import CacheCommand
from kerasclf.commands.course import CourseCommand
from kerasclf.commands.models import ModelsCommand
from kerasclf.commands.output import with_flags
from kerasclf.commands.report import ReportCommand
from kerasclf.commands.search import SearchCommand
from kerasclf.commands.show import ShowCommand
from kerasclf.commands.study import StudyCommand
from kerasclf.commands.train import TrainCommand
from kerasclf.commands.weights import WeightsCommand
from kerasclf.errors import KerasclfError, RunsFailedError

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    The exit code is 1 if some runs of a study failed, 2 if the input cannot be used, and 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
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
        print(f"error: {with_flags(str(error), command)}", file=sys.stderr)
        sys.exit(1 if isinstance(error, RunsFailedError) else 2)
    except KeyboardInterrupt:
        print(
            "\nStopped. Finished runs are complete, the others keep their last epoch. Repeat the command to resume.",
            file=sys.stderr,
        )
        sys.exit(130)


def _described(name: str, whole: bool) -> Any:
    """Returns a command for tyro, described by its docstring or by the first paragraph of it.

    tyro itself would leave out the examples.
    """
    words = inspect.getdoc(COMMANDS[name]) or ""
    description = words if whole else words.partition("\n\n")[0]
    return Annotated[COMMANDS[name], tyro.conf.subcommand(name, description=description)]
