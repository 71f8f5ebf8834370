"""Runs a study for a command: shows the plan, then the progress, then the report."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from kerasclf.commands.options.run_options import RunOptions
from kerasclf.commands.printing.output import folder_within, log_to, say, with_flags
from kerasclf.commands.report import show_report
from kerasclf.errors import RunsFailedError
from kerasclf.extras import install_command

if TYPE_CHECKING:
    from kerasclf.report.study_results import StudyResults
    from kerasclf.runs.engines.engine import Engine
    from kerasclf.runs.progress import RunListener
    from kerasclf.runs.run_folder import RunFolder
    from kerasclf.studies.study import Study
    from kerasclf.studies.study_plan import StudyPlan


def run_and_report(
    options: RunOptions,
    study: "Study",
    out: Path,
    console: Console,
    only: tuple[str, ...] = (),
    finish: "Callable[[StudyPlan, Engine], None] | None" = None,
) -> "StudyResults | None":
    """Says what the study will cost, runs it and shows its report.

    Args:
        options: The options of the command, which is one of them.
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
    engine = options.make_engine()
    engine.prepare()
    # These imports take seconds. Meanwhile a worker imports TensorFlow.
    from kerasclf.looks import run_until_decided
    from kerasclf.studies.study_runner import plan_study

    planned = plan_study(
        study,
        out,
        only=only,
        engine=engine,
        retry=options.retry,
        share=not options.no_share,
        log=log_to(console),
        measure=options.plan or not options.quick,
    )
    _show_plan(options, planned, console)
    if options.plan:
        return None
    if options.profile:
        planned = planned.profiling_first()
    failed = None
    try:
        made = run_until_decided(planned, engine, lambda part: _listener(options, part, console))
        if finish is not None:
            finish(made, engine)
    except RunsFailedError as error:
        failed = error
    has_results = planned.finished or any(job.run.complete for job in planned.jobs)
    results = None
    if has_results:
        results = show_report(out, folder_within(out, "report"), console, engine)
    if options.profile and planned.jobs:
        _say_profile(planned.jobs[0].run, console)
    if failed:
        raise failed
    return results


def _show_plan(options: RunOptions, planned: "StudyPlan", console: Console) -> None:
    from kerasclf.studies.study_plan_table import plan_summary, plan_table

    if options.plan:
        console.print(plan_table(planned))
        _show_scaling(options, planned, console)
    needed = _runs_needed(options, planned) if options.plan and not options.quick else []
    prefix = "plan: "
    for line in [*plan_summary(planned), *needed]:
        say(console, prefix + with_flags(line, options))
        prefix = "      "
    for warning in planned.warnings():
        say(console, f"warning: {with_flags(warning, options)}")


def _show_scaling(options: RunOptions, planned: "StudyPlan", console: Console) -> None:
    """Shows the forecast for several GPUs, if one is requested."""
    from kerasclf.studies.scaling_table import scaling_notes, scaling_table

    if options.gpus is None:
        return
    console.print(scaling_table(planned, options.gpus))
    for line in scaling_notes(planned):
        say(console, f"forecast: {with_flags(line, options)}")


def _runs_needed(options: RunOptions, planned: "StudyPlan") -> list[str]:
    """Returns how many runs the study needs to find a difference, in sentences."""
    from kerasclf.report import read_results
    from kerasclf.report.runs_needed import plan_comparison

    if planned.study.splits > 1:
        return []
    results = read_results(planned.folder.path) if planned.finished else None
    difference, deviation = (
        None if points is None else points / 100 for points in (options.difference, options.seed_deviation)
    )
    comparison = plan_comparison(planned, results, difference, deviation)
    return [] if comparison is None else comparison.sentences


@contextlib.contextmanager
def _listener(options: RunOptions, planned: "StudyPlan", console: Console) -> Iterator["RunListener"]:
    from kerasclf.runs.progress import ConsoleProgress, RunListeners

    with contextlib.ExitStack() as stack:
        listeners: list[RunListener] = [stack.enter_context(ConsoleProgress(len(planned.jobs), console))]
        if options.live:
            from kerasclf.studies.live_runs import LiveRuns

            listeners.append(LiveRuns(planned.jobs))
        if options.track:
            from kerasclf.studies.tracking import make_tracker

            listeners.append(stack.enter_context(make_tracker(options.track, planned, listeners[0].log)))
        yield RunListeners(listeners)


def _say_profile(run: "RunFolder", console: Console) -> None:
    """Says where the profile of a run is, and how to look at it."""
    if not run.profile.exists():
        say(console, "no profile was written: the run has too few steps, or failed")
        return
    say(console, f"profile: {run.profile}")
    say(console, f"         look at it: {install_command('profile')}, then tensorboard --logdir {run.profile}")
