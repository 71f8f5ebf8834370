"""Runs a study: every experiment with every seed, each in a run folder. Finished runs are not repeated."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from kerasclf.data.spec_paths import check_outside
from kerasclf.errors import DataError, RunsFailedError
from kerasclf.files.locks import check_writable, hold
from kerasclf.files.writing import write_json
from kerasclf.log import Log
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.inputs import check_run, known_inputs, note_versions
from kerasclf.runs.job import Job
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.runs.planning.passes import unfreeze_to_cache
from kerasclf.runs.planning.plan import Plan, PlanRequest
from kerasclf.runs.planning.remembered_costs import forget
from kerasclf.runs.progress import RunListener, RunListeners
from kerasclf.runs.run_folder import RunFolder, manifest_file
from kerasclf.runs.sharing import SharedRuns, digests_of, trajectory_of, watched_by
from kerasclf.studies.forecast import MOST_OFF, Stopwatch, Timing
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_plan import StudyPlan, run_title


def plan_study(
    study: Study,
    out: Path | str,
    *,
    only: tuple[str, ...] = (),
    engine: Engine,
    retry: bool = False,
    share: bool = True,
    log: Log = lambda line: None,
    measure: bool = True,
) -> StudyPlan:
    """Checks everything that a study needs, finds its remaining runs and measures their costs. Writes nothing.

    Args:
        study: The study to run.
        out: Folder of the study.
        only: Names of the experiments to run; all if empty.
        engine: Where to execute the runs.
        retry: Whether to try failed runs again.
        share: Whether runs that train alike up to the end of the shorter one are one training.
        log: Receives progress messages, one line each.
        measure: Whether to measure the costs of the remaining runs.

    Raises:
        KerasclfError: If something cannot be used.
    """
    experiments = study.only(only)
    check_early(experiments)
    folder = StudyFolder(Path(out))
    for spec in {experiment.data for experiment in experiments.values()}:
        check_outside(Path(out), spec)
    folder.check(study)
    check_writable(folder.path)
    runs = _runs_of(study, experiments, folder)
    for run in runs:
        if run.folder.complete:
            run.folder.check(run.experiment, run.seed, needs_model=False)
    failed = [run for run in runs if not run.folder.complete and run.folder.failure and not retry]
    remaining = [run for run in runs if not run.folder.complete and run not in failed]
    names = tuple(dict.fromkeys(run.name for run in remaining))
    on_splits = {run.key: run.experiment for run in runs}
    flawed = tuple(name for name in experiments if name in study.lessons)  # such a study has one split
    request = PlanRequest({**experiments, **on_splits}, names if measure else (), runs=len(remaining), flawed=flawed)
    plan = engine.plan(request, log)
    _check_splits(experiments, plan, study.splits)
    inputs = {key: known_inputs(experiment, plan.data_of[key]) for key, experiment in on_splits.items()}
    for run in runs:
        check_run(run.folder, run.experiment, inputs[run.key])
        if run.folder.complete and (versions := note_versions(run.folder, inputs[run.key])):
            log(f"{run.title} was finished with {versions}; it is kept")
    return StudyPlan(
        study=study,
        folder=folder,
        plan=replace(plan, data_of={name: plan.data_of[name] for name in experiments}),
        jobs=_jobs(remaining, plan, share),
        finished=tuple(run.title for run in runs if run.folder.complete),
        failed={run.title: str(run.folder.failure) for run in failed},
        width=engine.width(plan, len(remaining)),
    )


def run_planned_study(study_plan: StudyPlan, engine: Engine, listener: RunListener) -> StudyFolder:
    """Executes the remaining runs of a plan and returns the folder, for the report.

    Args:
        study_plan: The plan.
        engine: Where to execute the runs.
        listener: Receives the progress of the runs.

    Raises:
        RunsFailedError: If some runs failed, now or earlier. All others are finished.
        FolderError: If the folder is in use or cannot be written to.
    """
    folder, plan = study_plan.folder, study_plan.plan
    with hold(folder.path):
        folder.claim(study_plan.study)
        for manifest_hash, manifest in plan.manifests.items():
            write_json(manifest_file(folder.path, manifest_hash), manifest)
        for title in study_plan.finished:
            listener.log(f"{title}  is already finished")
        for job in study_plan.jobs:
            job.run.forget_failure()
        for done in folder.path.glob("runs/*/seed-*.partial"):
            if done.with_suffix("").exists():  # The process was killed between the last two steps of a run.
                shutil.rmtree(done, ignore_errors=True)
        runs, stopwatch = SharedRuns(study_plan.jobs), Stopwatch(study_plan)
        failures = engine.run(runs, plan, RunListeners([listener, runs]))
        if not failures:
            _note_forecast(study_plan, stopwatch.stop(), listener)
    if failures or study_plan.failed:
        earlier = {
            t: f"{message} (failed earlier; set `retry` to try again)" for t, message in study_plan.failed.items()
        }
        raise RunsFailedError({**earlier, **failures})
    return folder


def _note_forecast(study_plan: StudyPlan, forecast: Timing | None, listener: RunListener) -> None:
    if forecast is None:
        return
    listener.log(str(forecast))
    study_plan.folder.note_forecast(forecast.to_dict())
    if forecast.off > MOST_OFF:
        listener.log("the pace is measured anew for the next plan, as the machine was busy now or then")
        forget(study_plan.plan.remembered)


class _Run(NamedTuple):
    """One run of a study, with its experiment on the split of its seed. `key` names that experiment in the plan."""

    title: str
    name: str
    key: str
    experiment: Experiment
    seed: int
    folder: RunFolder


def _runs_of(study: Study, experiments: dict[str, Experiment], folder: StudyFolder) -> list[_Run]:
    """Returns the runs of a study in the order in which they are made."""
    found = []
    for seed in study.seeds:
        for name, experiment in experiments.items():
            on_split = experiment.on_split(seed, study.splits)
            key, run = _plan_key(name, seed % study.splits), folder.run(name, on_split.identity, seed)
            found.append(_Run(run_title(name, seed, study), name, key, on_split, seed, run))
    return found


def _jobs(remaining: Sequence[_Run], plan: Plan, share: bool) -> tuple[Job, ...]:
    seeded = [(run.experiment, run.seed) for run in remaining]
    digests = {manifest_hash: digests_of(manifest) for manifest_hash, manifest in plan.manifests.items()}
    # A study that declares an experiment twice asks whether both runs are equal. Sharing would make them equal.
    first = {(run.experiment, run.seed): run for run in reversed(remaining)}

    def job_of(run: _Run) -> Job:
        manifest_hash = plan.data_of[run.key]
        sets, is_first = digests[manifest_hash], first[run.experiment, run.seed] is run
        return Job(
            title=run.title,
            name=run.name,
            experiment=run.experiment,
            seed=run.seed,
            path=run.folder.path,
            manifest=manifest_hash,
            snapshot=plan.snapshots.get(manifest_hash),
            also_cache=unfreeze_to_cache((run.experiment, run.seed), seeded),
            trajectory=trajectory_of(run.experiment, run.seed, sets) if share and is_first else "",
            watched=watched_by(run.experiment, sets),
        )

    return tuple(map(job_of, remaining))


def _plan_key(name: str, split: int) -> str:
    """Returns the name of an experiment on one split in the plan; that of the first split is the experiment's own."""
    return f"{name}, split {split + 1}" if split else name


def _check_splits(experiments: dict[str, Experiment], plan: Plan, splits: int) -> None:
    """Checks that the splits of the images differ.

    Raises:
        DataError: If the data set itself divides all its images.
    """
    for name, experiment in experiments.items():
        if splits > 1 and plan.data_of[_plan_key(name, 1)] == plan.data_of[name]:
            raise DataError(
                f"splits: expected 1 on {experiment.data}, whose training, validation and test sets are fixed. "
                f"Received: {splits}."
            )
