"""What `kerasclf study` and `kerasclf train` share: how to run a study, what to show of it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from kerasclf.commands.report import show_report
from kerasclf.commands.words import say, whole_numbers
from kerasclf.errors import KerasclfError, RunsFailedError

if TYPE_CHECKING:
    from kerasclf.runs.engines import Engine
    from kerasclf.runs.progress import RunListener
    from kerasclf.studies.study import Study
    from kerasclf.studies.study_plan import StudyPlan

ENGINES = ("processes", "inline", "ray")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a study is run, whatever it is."""

    repeats: int | None = None
    """Runs of each experiment, with seeds that count on from --seed; the study's own number without it, mostly one.
    Three or more say which differences are real."""
    seed: int = 0
    """The first run's seed."""
    quick: bool = False
    """The form of seconds: few images, two epochs. Shows the way; its figures mean nothing."""
    image_size: str | None = None
    """HEIGHTxWIDTH to resize folders and lists to, or to draw shapes at."""
    train_per_class: int | None = None
    """At most so many images a class to train and validate with."""
    test_per_class: int | None = None
    """At most so many images a class to test with."""
    no_cache: bool = False
    """Compute what lies below a frozen cut anew at every step instead of keeping it on disk."""
    out: Path | None = None
    """The folder of the runs and their report; one below runs/ where it is not given."""
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
    live: bool = False
    """Draw each run's curves while it trains: curves.png in its folder, and in a notebook in place."""
    track: Literal["wandb", "mlflow", "tensorboard"] | None = None
    """Send the metrics also to Weights & Biases, MLflow or TensorBoard (extra 'tracking')."""

    def carry_out(self, study: "Study", out: Path, console: Console, only: tuple[str, ...] = ()) -> None:
        """Says what the study will cost, runs it and shows its report.

        Raises:
            RunsFailedError: Some runs failed.
            KerasclfError: Something cannot be used; nothing was run.
        """
        from kerasclf.studies.study_runner import plan_study, run_planned_study

        engine = make_engine(self.engine, self.jobs, self.address)
        study_plan = plan_study(
            study,
            out,
            only=only,
            engine=engine,
            retry=self.retry,
            log=lambda line: say(console, line),
            measure=self.plan or not self.quick,
        )
        _show_plan(study_plan, console, whole=self.plan)
        if self.plan:
            return
        with self._listener(study_plan, console) as listener:
            failed = None
            try:
                run_planned_study(study_plan, engine, listener)
            except RunsFailedError as error:
                failed = error
        if study_plan.finished or failed is None or len(failed.failures) < len(study_plan.jobs):
            show_report(out, out / "report", console)
        if failed:
            raise failed

    @contextlib.contextmanager
    def _listener(self, study_plan: "StudyPlan", console: Console) -> Iterator["RunListener"]:
        from kerasclf.runs.progress import ConsoleProgress, RunListeners

        with contextlib.ExitStack() as stack:
            listeners: list[RunListener] = [
                stack.enter_context(ConsoleProgress(len(study_plan.jobs), console)),
            ]
            if self.live:
                from kerasclf.studies.live_runs import LiveRuns

                listeners.append(LiveRuns(study_plan.jobs))
            if self.track:
                from kerasclf.studies.tracking import make_tracker

                listeners.append(stack.enter_context(make_tracker(self.track, study_plan)))
            yield RunListeners(listeners)


def _show_plan(study_plan: "StudyPlan", console: Console, whole: bool) -> None:
    from kerasclf.studies.study_plan_table import plan_summary, plan_table

    if whole:
        console.print(plan_table(study_plan))
    for line in plan_summary(study_plan):
        say(console, line)


def make_engine(name: str, jobs: str, address: str | None) -> "Engine":
    """Returns the engine that --engine, --jobs and --address ask for.

    Raises:
        KerasclfError: They do not go together, or there is no such engine.
    """
    from kerasclf.errors import unknown
    from kerasclf.runs.engines import Inline, Processes

    if name not in ENGINES:
        raise KerasclfError(unknown("engine", name, ENGINES))
    if address and name != "ray":
        raise KerasclfError(f"--address needs --engine ray. Received: --engine {name}.")
    if name == "inline":
        return Inline()
    width = parse_jobs(jobs)
    if name == "processes":
        return Processes(width)
    from kerasclf.runs.ray_engine import Ray

    return Ray(address, width)


def parse_jobs(text: str) -> int | Literal["auto"]:
    """Reads --jobs."""
    if text == "auto":
        return "auto"
    if not text.isdecimal() or int(text) < 1:
        raise KerasclfError(f"--jobs: expected a number of at least 1, or auto. Received: {text!r}.")
    return int(text)


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Reads --image-size."""
    if text is None:
        return None
    height, width = whole_numbers("--image-size", text, "HEIGHTxWIDTH, such as 64x64", 2)
    return height, width
