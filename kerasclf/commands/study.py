"""`kerasclf study`: run a declared study, or say what it would cost."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import tyro
from rich.console import Console

from kerasclf.commands.report import show_report
from kerasclf.commands.words import say, whole_numbers
from kerasclf.errors import KerasclfError, RunsFailedError

if TYPE_CHECKING:
    from kerasclf.studies.engines import Engine
    from kerasclf.studies.forecast import Forecast
    from kerasclf.studies.progress import StudyListener
    from kerasclf.studies.study import Protocol, Study

ENGINES = ("processes", "inline", "ray")


@dataclass(frozen=True)
class StudyCommand:
    """Run a declared study and write its report. What is finished is not run again; what was interrupted goes on.

    Examples:
      kerasclf study --list
      kerasclf study basenet --quick
      kerasclf study ladder --data folder:my_photos --repeats 3 --plan
      kerasclf study ladder --data folder:my_photos --repeats 3 --jobs 2
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
    """Runs of each experiment, with seeds that count on from --seed. Three or more say which differences are real."""
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
    """The study's folder; runs/STUDY-DATA-PROTOCOL where it is not given."""
    plan: bool = False
    """Only say what is to be run and what it will cost, measured by a few real steps."""
    jobs: str = "auto"
    """Runs side by side, each in a process of its own. auto: one a GPU, or one a core as far as memory reaches."""
    retry: bool = False
    """Try runs again that failed before."""
    engine: str = "processes"
    """processes: on this machine; ray: on a Ray cluster; inline: in this process, one by one, for debuggers."""
    address: str | None = None
    """With --engine ray: the cluster's address; without it, a local one is started."""
    track: Literal["wandb", "mlflow", "tensorboard"] | None = None
    """Send the metrics also to Weights & Biases, MLflow or TensorBoard (extra 'tracking')."""

    def run(self, console: Console) -> None:
        from kerasclf.studies.catalogue import STUDIES
        from kerasclf.studies.runner import look_ahead, run_forecast

        if self.list_all:
            _list_studies(console)
            return
        if not self.name:
            raise KerasclfError(
                f"Which study? Known: {', '.join(STUDIES)}. For example: kerasclf study basenet --quick"
            )
        study, engine = self._declare(console), self._engine()
        study.only(self.only)
        out = self.out or Path("runs") / _folder_name(study)
        each = f"{len(study.seeds)} run{'s' * (len(study.seeds) > 1)} each"
        say(console, f"study: {study.title} ({study.protocol}, {each}) → {out}")
        forecast = look_ahead(
            study,
            out,
            only=self.only,
            engine=engine,
            retry=self.retry,
            said=lambda line: say(console, line),
            measure=self.plan or not self.quick,
        )
        _show_forecast(forecast, console, whole=self.plan)
        if self.plan:
            return
        with self._listener(forecast, console) as listener:
            failed = None
            try:
                run_forecast(forecast, engine, listener)
            except RunsFailedError as error:
                failed = error
        if forecast.finished or failed is None or len(failed.failures) < len(forecast.jobs):
            show_report(out, out / "report", console)
        if failed:
            raise failed

    def _declare(self, console: Console) -> "Study":
        from kerasclf.studies.catalogue import declare

        return declare(
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

    def _default_data(self, console: Console) -> str | None:
        from kerasclf.data.specs import default_dataset
        from kerasclf.studies.catalogue import STUDIES

        if self.name not in STUDIES:
            return None  # declare() says so
        choice = default_dataset(STUDIES[self.name]("sound").published_data)
        if choice.notice:
            say(console, choice.notice)
        return choice.spec

    def _engine(self) -> "Engine":
        from kerasclf.errors import unknown
        from kerasclf.studies.engines import Inline, Processes

        if self.engine not in ENGINES:
            raise KerasclfError(unknown("engine", self.engine, ENGINES))
        if self.address and self.engine != "ray":
            raise KerasclfError(f"--address needs --engine ray. Received: --engine {self.engine}.")
        if self.engine == "inline":
            return Inline()
        jobs = _parse_jobs(self.jobs)
        if self.engine == "processes":
            return Processes(jobs)
        from kerasclf.studies.ray_engine import Ray

        return Ray(self.address, jobs)

    @contextlib.contextmanager
    def _listener(self, forecast: "Forecast", console: Console) -> Iterator["StudyListener"]:
        from kerasclf.studies.progress import ConsoleProgress, Several

        with contextlib.ExitStack() as stack:
            listeners: list[StudyListener] = [
                stack.enter_context(ConsoleProgress(len(forecast.jobs), console)),
            ]
            if self.track:
                from kerasclf.studies.tracking import make_tracker

                listeners.append(stack.enter_context(make_tracker(self.track, forecast)))
            yield Several(listeners)


def _show_forecast(forecast: "Forecast", console: Console, whole: bool) -> None:
    from kerasclf.studies.forecast_table import forecast_summary, forecast_table

    if whole:
        console.print(forecast_table(forecast))
    for line in forecast_summary(forecast):
        say(console, line)


def _list_studies(console: Console) -> None:
    from kerasclf.studies.catalogue import STUDIES

    for name, declaration in STUDIES.items():
        study = declaration("sound")
        say(console, f"{name:12} {study.question} ({len(study.experiments)} experiments)")


def _folder_name(study: "Study") -> str:
    experiment = next(iter(study.experiments.values()))
    data = "".join(c if c.isalnum() else "-" for c in experiment.data).strip("-")[-60:]
    return "-".join([study.name, data, study.protocol, *(["quick"] if study.quick else [])])


def _parse_jobs(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise KerasclfError(f"--jobs: expected a number of at least 1, or auto. Received: {text!r}.")
    return int(text)


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, width = whole_numbers("--image-size", text, "HEIGHTxWIDTH, such as 64x64", 2)
    return height, width
