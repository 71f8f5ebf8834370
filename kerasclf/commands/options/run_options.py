"""The options of commands that run a study, and how they run it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rich.console import Console

from kerasclf.commands.options.parsing import parse_repeats
from kerasclf.commands.options.shared_options import SharedOptions
from kerasclf.commands.printing.output import folder_within, log_to, say, with_flags
from kerasclf.commands.report import show_report
from kerasclf.errors import Problems, RunsFailedError
from kerasclf.extras import install_command

if TYPE_CHECKING:
    from kerasclf.report.study_results import StudyResults
    from kerasclf.runs.engines.local_engines import Engine
    from kerasclf.runs.progress import RunListener
    from kerasclf.runs.run_folder import RunFolder
    from kerasclf.studies.study import Study
    from kerasclf.studies.study_options import StudyOptions
    from kerasclf.studies.study_plan import StudyPlan


@dataclass(frozen=True, kw_only=True)
class RunOptions(SharedOptions):
    """How `train`, `study` and `course` run a study."""

    repeats: str | None = None
    """Number of runs of each experiment, on each split. Their seeds count up from --seed. Default: the study's own
    number, usually 1. Three or more runs show which differences are significant. 3..10 looks at the results after 3, 5
    and 10 runs, and stops when every comparison is decided: better, worse or equal."""
    splits: int | None = None
    """Number of splits of the images. Each gets --repeats runs. The training and the validation set are drawn anew for
    each split. So is the test set, unless the data set has its own. Default: 1."""
    difference: float | None = None
    """With --plan: the difference in test accuracy to find, in points. The plan says how many runs of each experiment
    find it in four of five cases. Default: the study's margin, usually 2."""
    seed_deviation: float | None = None
    """With --plan: the standard deviation of the test accuracy from seed to seed, in points. Default: that of the
    finished runs, otherwise 1."""
    gpus: int | None = None
    """With --plan: the number of GPUs for which it also forecasts the speed of a training step, by the speed of NVLink,
    PCIe and networks. Nothing runs on them."""
    no_cache: bool = False
    """Compute the frozen layers in every step instead of caching their activations on disk."""
    strategy: str | None = None
    """Devices of each training. auto: all GPUs if there are several; none: one device; mirrored: all GPUs, or all
    logical CPU devices; multiworker: the workers of kerasclf launch, as auto there. Batches are divided between them.
    Default: auto."""
    profile: bool = False
    """Profile some training steps of the first run, to profile/ in its folder, for TensorBoard."""
    retry: bool = False
    """Try failed runs again."""
    live: bool = False
    """Draw the curves of each run during training, to curves.png in its folder and in place in a notebook."""
    track: Literal["wandb", "mlflow", "tensorboard"] | None = None
    """Also send the metrics to Weights & Biases, MLflow or TensorBoard (pip install "kerasclf[tracking]")."""

    def check_shared(self, data: str | None, protocol: str = "sound") -> Problems:
        """Returns the problems of the engine, the output folder, the data and the protocol, without reading images."""
        from kerasclf.studies.study_folder import StudyFolder

        problems = super().check_shared(data, protocol)
        if self.out is not None:
            with problems.collect():
                StudyFolder(self.out).holds_study()
        return problems

    def _check_plan_options(self) -> None:
        problems = Problems()
        for flag, value in (("--difference", self.difference), ("--seed-deviation", self.seed_deviation)):
            if value is not None and not 0 < value < 100:
                problems.add(f"{flag}: expected points between 0 and 100. Received: {value:g}.")
            elif value is not None and not self.plan:
                problems.add(f"{flag}: expected --plan with it, as it changes no run.")
            elif value is not None and (self.splits or 1) > 1:
                problems.add(f"{flag}: expected a single split of the images. Received: --splits {self.splits}.")
        if self.gpus is not None and self.gpus < 2:
            problems.add(f"--gpus: expected at least 2. Received: {self.gpus}.")
        elif self.gpus is not None and not self.plan:
            problems.add(
                "--gpus: expected --plan with it, as it only forecasts. A training uses the GPUs of --strategy."
            )
        problems.raise_all("The plan cannot be made")

    def study_options(
        self,
        data: str | None,
        epochs: int | None,
        weights: str | None,
        *,
        reduced: bool = False,
        backbones: tuple[str, ...] = (),
    ) -> "StudyOptions":
        """Returns the changes of a study that the options request.

        Raises:
            KerasclfError: If an option cannot be used.
        """
        from kerasclf.studies.study_options import StudyOptions

        self._check_plan_options()
        size, repeats = self.size(reduced=reduced), parse_repeats(self.repeats)
        cache: Literal["auto", "off"] = "off" if self.no_cache else "auto"
        limits = self.limits(epochs)
        return StudyOptions(
            data=data,
            repeats=repeats,
            seed=self.seed,
            size=size,
            limits=limits,
            weights=weights,
            cache=cache,
            splits=self.splits,
            backbones=backbones,
            group=self.group_by,
            skip_broken=self.skip_broken,
            strategy=self.strategy,
            fit=self.fit,
        )

    def run_and_report(
        self,
        study: "Study",
        out: Path,
        console: Console,
        only: tuple[str, ...] = (),
        finish: "Callable[[StudyPlan, Engine], None] | None" = None,
    ) -> "StudyResults | None":
        """Says what the study will cost, runs it and shows its report.

        Args:
            study: The study.
            out: Its folder.
            console: Where to print.
            only: Names of the experiments to run; all if empty.
            finish: Called between the last run and the report, unless a run failed.

        Returns:
            The results of the folder; None after --plan.

        Raises:
            RunsFailedError: If some runs failed.
            KerasclfError: If something cannot be used; nothing was run.
        """
        from kerasclf.studies.study_runner import plan_study

        engine = self.make_engine()
        planned = plan_study(
            study,
            out,
            only=only,
            engine=engine,
            retry=self.retry,
            share=not self.no_share,
            log=log_to(console),
            measure=self.plan or not self.quick,
        )
        self._show_plan(planned, console)
        if self.plan:
            return None
        if self.profile:
            planned = planned.profiling_first()
        from kerasclf.looks import run_until_decided

        failed = None
        try:
            made = run_until_decided(planned, engine, lambda part: self._listener(part, console))
            if finish is not None:
                finish(made, engine)
        except RunsFailedError as error:
            failed = error
        has_results = planned.finished or any(job.run.complete for job in planned.jobs)
        results = None
        if has_results:
            results = show_report(out, folder_within(out, "report"), console, explain=True)
        if self.profile and planned.jobs:
            _say_profile(planned.jobs[0].run, console)
        if failed:
            raise failed
        return results

    def _show_plan(self, planned: "StudyPlan", console: Console) -> None:
        from kerasclf.studies.study_plan_table import plan_summary, plan_table

        if self.plan:
            console.print(plan_table(planned))
            self._show_scaling(planned, console)
        prefix = "plan: "
        for line in [*plan_summary(planned), *(self._runs_needed(planned) if self.plan and not self.quick else [])]:
            say(console, prefix + with_flags(line, self))
            prefix = "      "
        for warning in planned.warnings():
            say(console, f"warning: {with_flags(warning, self)}")

    def _show_scaling(self, planned: "StudyPlan", console: Console) -> None:
        """Shows the forecast for several GPUs, if one is requested."""
        from kerasclf.studies.scaling_table import scaling_notes, scaling_table

        if self.gpus is None:
            return
        console.print(scaling_table(planned, self.gpus))
        for line in scaling_notes(planned):
            say(console, f"forecast: {with_flags(line, self)}")

    def _runs_needed(self, planned: "StudyPlan") -> list[str]:
        """Returns how many runs the study needs to find a difference, in sentences."""
        from kerasclf.report import read_results
        from kerasclf.report.runs_needed import plan_comparison

        if planned.study.splits > 1:
            return []
        results = read_results(planned.folder.path) if planned.finished else None
        difference, deviation = (
            None if points is None else points / 100 for points in (self.difference, self.seed_deviation)
        )
        comparison = plan_comparison(planned, results, difference, deviation)
        return [] if comparison is None else comparison.sentences

    @contextlib.contextmanager
    def _listener(self, planned: "StudyPlan", console: Console) -> Iterator["RunListener"]:
        from kerasclf.runs.progress import ConsoleProgress, RunListeners

        with contextlib.ExitStack() as stack:
            listeners: list[RunListener] = [stack.enter_context(ConsoleProgress(len(planned.jobs), console))]
            if self.live:
                from kerasclf.studies.live_runs import LiveRuns

                listeners.append(LiveRuns(planned.jobs))
            if self.track:
                from kerasclf.studies.tracking import make_tracker

                listeners.append(stack.enter_context(make_tracker(self.track, planned, listeners[0].log)))
            yield RunListeners(listeners)


def _say_profile(run: "RunFolder", console: Console) -> None:
    """Says where the profile of a run is, and how to look at it."""
    if not run.profile.exists():
        say(console, "no profile was written: the run has too few steps, or failed")
        return
    say(console, f"profile: {run.profile}")
    say(console, f"         look at it: {install_command('profile')}, then tensorboard --logdir {run.profile}")
