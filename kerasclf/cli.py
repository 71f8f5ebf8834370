"""The `kerasclf` command. Nothing here imports TensorFlow before there is something to compute."""

import sys
from collections.abc import Sequence
from typing import Annotated

import tyro
from rich.console import Console

from kerasclf.commands.cache import CacheCommand
from kerasclf.commands.models import ModelsCommand
from kerasclf.commands.report import ReportCommand
from kerasclf.commands.search import SearchCommand
from kerasclf.commands.show import ShowCommand
from kerasclf.commands.study import StudyCommand
from kerasclf.commands.train import TrainCommand
from kerasclf.commands.weights import WeightsCommand
from kerasclf.errors import KerasclfError, RunsFailedError

Command = (
    Annotated[TrainCommand, tyro.conf.subcommand("train")]
    | Annotated[StudyCommand, tyro.conf.subcommand("study")]
    | Annotated[SearchCommand, tyro.conf.subcommand("search")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[ModelsCommand, tyro.conf.subcommand("models")]
    | Annotated[ShowCommand, tyro.conf.subcommand("show")]
    | Annotated[WeightsCommand, tyro.conf.subcommand("weights")]
    | Annotated[CacheCommand, tyro.conf.subcommand("cache")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line.

    Exits with 1 where some runs of a study failed, with 2 where the input cannot be used, with 130 after Ctrl-C.
    """
    command = tyro.cli(
        Command,  # type: ignore[arg-type]
        prog="kerasclf",
        description="Image-classification studies with Keras: ask a question, run it, trust the answer.",
        args=arguments,
        config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.FlagCreatePairsOff),
    )
    console = Console(width=None if sys.stdout.isatty() else 140)
    try:
        command.run(console)
    except (KerasclfError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1 if isinstance(error, RunsFailedError) else 2)
    except KeyboardInterrupt:
        print(
            "\nStopped. Finished runs are kept, others have kept their last epoch; the same command goes on.",
            file=sys.stderr,
        )
        sys.exit(130)
