"""The `kerasclf` command. Nothing here imports TensorFlow before there is something to compute."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import tyro
from rich.console import Console
from rich.table import Table

from kerasclf.errors import KerasclfError
from kerasclf.quiet import quiet_tensorflow

if TYPE_CHECKING:
    from kerasclf.studies.study import Protocol, Study


@dataclass(frozen=True)
class StudyCommand:
    """Run a declared study and write its report.

    Examples:
      kerasclf study --list
      kerasclf study basenet --quick
      kerasclf study ladder --data folder:my_photos --repeats 3
    """

    name: Annotated[str, tyro.conf.Positional] = ""
    """The study: basenet or ladder; see --list."""
    list_all: Annotated[bool, tyro.conf.arg(name="list")] = False
    """List the declared studies."""
    data: str | None = None
    """cifar100:25, cifar100, cifar10, mnist, folder:PATH, list:ROOT:TRAIN.txt:TEST.txt or shapes. Without it, the
    study's own data where they can be had, and else the drawn set 'shapes'."""
    protocol: str = "sound"
    """sound: the flaws of the original corrected; published: as its authors ran it."""
    repeats: int = 1
    """Runs of each experiment, with seeds that count on from --seed."""
    only: tuple[str, ...] = ()
    """Names of the experiments to run; all where empty."""
    quick: bool = False
    """The form of seconds: few images, two epochs. Shows the way; its figures mean nothing."""
    seed: int = 0
    """The first run's seed."""
    image_size: str | None = None
    """HEIGHTxWIDTH to resize folders and lists to, or to draw shapes at."""
    train_per_class: int | None = None
    """At most so many images a class to train and validate with."""
    test_per_class: int | None = None
    """At most so many images a class to test with."""
    out: Path | None = None
    """The study's folder; runs/STUDY-DATA-PROTOCOL where it is not given. What it holds is not run again."""

    def run(self, console: Console) -> None:
        from kerasclf.studies.catalogue import STUDIES, declare

        if self.list_all:
            _list_studies(console)
            return
        if not self.name:
            raise KerasclfError(
                f"Which study? Known: {', '.join(STUDIES)}. For example: kerasclf study basenet --quick"
            )
        study = declare(
            self.name,
            cast("Protocol", self.protocol),
            image_size=_parse_size(self.image_size),
            train_per_class=self.train_per_class,
            test_per_class=self.test_per_class,
            repeats=self.repeats,
            seed=self.seed,
            quick=self.quick,
            data=self._default_data(console) if self.data is None else self.data,
        )
        study.only(self.only)
        out = self.out or Path("runs") / _folder_name(study)
        _run_and_report(study, out, self.only, console)

    def _default_data(self, console: Console) -> str | None:
        from kerasclf.data.specs import default_dataset
        from kerasclf.studies.catalogue import STUDIES

        if self.name not in STUDIES:
            return None  # declare() says so
        choice = default_dataset(STUDIES[self.name]("sound").published_data)
        if choice.notice:
            _say(console, choice.notice)
        return choice.spec


@dataclass(frozen=True)
class ReportCommand:
    """Write the report of a study's folder anew.

    Example:
      kerasclf report runs/basenet-shapes-sound
    """

    folder: Annotated[Path, tyro.conf.Positional]
    """The folder that `kerasclf study` wrote."""
    out: Path | None = None
    """Where to write; FOLDER/report where it is not given."""

    def run(self, console: Console) -> None:
        _report(self.folder, self.out or self.folder / "report", console)


@dataclass(frozen=True)
class ModelsCommand:
    """List the networks, or explain one layer by layer.

    Examples:
      kerasclf models
      kerasclf models basenet --input 64x64x3 --classes 10
    """

    name: Annotated[str, tyro.conf.Positional] = ""
    """A network of the list."""
    input: str = "32x32x3"
    """HEIGHTxWIDTHxCHANNELS."""
    classes: int = 25
    """Width of the output."""

    def run(self, console: Console) -> None:
        quiet_tensorflow()
        from kerasclf.models import build, explain

        if not self.name:
            _list_models(console)
            return
        model = build(self.name, _parse_shape(self.input), self.classes)
        table = Table(title=f"{self.name}: {model.count_params():,} parameters", title_justify="left")
        for heading, justify in (("layer", "left"), ("kind", "left"), ("output", "left"), ("parameters", "right")):
            table.add_column(heading, justify=justify)  # type: ignore[arg-type]
        table.add_column("(W − F + 2P)/S + 1")
        for row in explain(model):
            shape = " × ".join(map(str, row.output_shape))
            table.add_row(row.name, row.kind, shape, f"{row.parameters:,}" if row.parameters else "", row.arithmetic)
        console.print(table)


Command = (
    Annotated[StudyCommand, tyro.conf.subcommand("study")]
    | Annotated[ReportCommand, tyro.conf.subcommand("report")]
    | Annotated[ModelsCommand, tyro.conf.subcommand("models")]
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command line; exits with 2 where the input cannot be used, with 130 after Ctrl-C."""
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
        sys.exit(2)
    except KeyboardInterrupt:
        print("\nStopped. Finished runs are kept; the same command goes on from there.", file=sys.stderr)
        sys.exit(130)


def _list_studies(console: Console) -> None:
    from kerasclf.studies.catalogue import STUDIES

    for name, declaration in STUDIES.items():
        study = declaration("sound")
        _say(console, f"{name:12} {study.question} ({len(study.experiments)} experiments)")


def _list_models(console: Console) -> None:
    from kerasclf.models import CATALOGUE, least_input_size

    table = Table(caption="parameters for images of 32x32x3 and 25 classes", caption_justify="left")
    for heading, justify in (("model", "left"), ("parameters", "right"), ("least input", "right"), ("what", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for name, builder in CATALOGUE.items():
        least = least_input_size(name)
        parameters = builder(input_shape=(32, 32, 3), num_classes=25).count_params()
        what = (builder.__doc__ or "").splitlines()[0]
        table.add_row(name, f"{parameters:,}", f"{least}x{least}", what)
    console.print(table)


def _run_and_report(study: "Study", out: Path, only: tuple[str, ...], console: Console) -> None:
    quiet_tensorflow()
    from kerasclf.studies.runner import run_study, total_epochs
    from kerasclf.training.progress import ConsoleProgress

    _say(console, f"study: {study.title} ({study.protocol}, {len(study.seeds)} runs each) → {out}")
    with ConsoleProgress(total_epochs(study, only, out), console) as progress:
        run_study(study, out, only=only, listener=progress)
    _report(out, out / "report", console)


def _report(folder: Path, out: Path, console: Console) -> None:
    from kerasclf.report import read_results, write_report
    from kerasclf.report.console import console_table

    results = read_results(folder)
    page = write_report(results, out)
    console.print()
    console.print(console_table(results))
    _say(console, f"report: {page}")


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)


def _folder_name(study: "Study") -> str:
    experiment = next(iter(study.experiments.values()))
    data = "".join(c if c.isalnum() else "-" for c in experiment.data).strip("-")[-60:]
    return "-".join([study.name, data, study.protocol, *(["quick"] if study.quick else [])])


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, width = _whole_numbers("--image-size", text, "HEIGHTxWIDTH, such as 64x64", 2)
    return height, width


def _parse_shape(text: str) -> tuple[int, int, int]:
    height, width, channels = _whole_numbers("--input", text, "HEIGHTxWIDTHxCHANNELS, such as 32x32x3", 3)
    return height, width, channels


def _whole_numbers(flag: str, text: str, form: str, count: int) -> list[int]:
    numbers = text.lower().split("x")
    if len(numbers) != count or not all(number.isdecimal() and int(number) > 0 for number in numbers):
        raise KerasclfError(f"{flag}: expected {form}. Received: {text!r}.")
    return [int(number) for number in numbers]
