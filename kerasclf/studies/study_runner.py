"""Runs a study: every experiment with every seed, each into a run folder, what is finished once only."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from kerasclf.errors import FolderError, RunsFailedError
from kerasclf.files import write_json
from kerasclf.locks import hold
from kerasclf.log import Log
from kerasclf.runs.engines import Engine, Processes
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.passes import cuts_to_cache
from kerasclf.runs.plan import PlanRequest
from kerasclf.runs.progress import RunListener, SilentRunListener
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_plan import StudyPlan


def run_study(
    study: Study,
    out: Path | str,
    *,
    only: tuple[str, ...] = (),
    engine: Engine | None = None,
    retry: bool = False,
    listener: RunListener | None = None,
) -> StudyFolder:
    """Runs what a study's folder does not yet hold.

    Data, experiments and the folder are checked before the first training. Runs that were interrupted go on from
    their last epoch; finished ones stay, and are not run again.

    Args:
        study: What to run.
        out: The study's folder; made where needed.
        only: Names of the experiments to run; all where empty.
        engine: Where to run; processes of their own where not given.
        retry: Whether runs that failed before are tried again.
        listener: Who is told of the progress.

    Returns:
        The folder, for the report.

    Raises:
        RunsFailedError: Some runs failed; all others are finished.
        KerasclfError: Something cannot be used; nothing was run.
    """
    engine, listener = engine or Processes(), listener or SilentRunListener()
    study_plan = plan_study(study, out, only=only, engine=engine, retry=retry, log=listener.log, measure=False)
    return run_planned_study(study_plan, engine, listener)


def plan_study(
    study: Study,
    out: Path | str,
    *,
    only: tuple[str, ...] = (),
    engine: Engine,
    retry: bool = False,
    log: Log = lambda line: None,
    measure: bool = True,
) -> StudyPlan:
    """Checks everything a study needs, and finds out what is still to be run and what that will cost.

    Writes nothing. Where all is finished, data are checked and nothing is measured.
    """
    experiments = study.only(only)
    folder = StudyFolder(Path(out))
    folder.check(study)
    runs = {(name, seed): folder.run(name, e.identity, seed) for name, e, seed in _runs(experiments, study.seeds)}
    for (name, seed), run in runs.items():
        if run.complete:
            run.check(experiments[name], seed)
    failed = {place for place, run in runs.items() if not run.complete and run.failure and not retry}
    waiting = [place for place, run in runs.items() if not run.complete and place not in failed]
    names = tuple(dict.fromkeys(name for name, _ in waiting))
    plan = engine.plan(PlanRequest(experiments, names if measure else ()), log)
    for (name, _), run in runs.items():
        if run.complete:
            _check_images(experiments[name], run, plan.data_of[name])
    return StudyPlan(
        study=study,
        folder=folder,
        plan=plan,
        jobs=tuple(
            Job(
                title=_title(name, seed, study),
                name=name,
                experiment=experiments[name],
                seed=seed,
                path=runs[name, seed].path,
                manifest=plan.data_of[name],
                snapshot=plan.snapshots.get(plan.data_of[name]),
                also_cache=cuts_to_cache((experiments[name], seed), [(experiments[n], s) for n, s in waiting]),
            )
            for name, seed in waiting
        ),
        finished=tuple(_title(*place, study) for place, run in runs.items() if run.complete),
        failed={_title(*place, study): str(runs[place].failure) for place in runs if place in failed},
        width=engine.width(plan, len(waiting)),
    )


def run_planned_study(study_plan: StudyPlan, engine: Engine, listener: RunListener) -> StudyFolder:
    """Makes the runs that `plan_study` found to be made."""
    folder, plan = study_plan.folder, study_plan.plan
    with hold(folder.path):
        folder.claim(study_plan.study)
        for manifest_hash, manifest in plan.manifests.items():
            write_json(folder.path / f"data-{manifest_hash[:8]}.json", manifest)
        for title in study_plan.finished:
            listener.log(f"{title}  is finished already")
        for job in study_plan.jobs:
            job.run.forget_failure()
        for done in folder.path.glob("runs/*/seed-*.partial"):
            if done.with_suffix("").exists():  # its process was killed between the last two steps
                shutil.rmtree(done, ignore_errors=True)
        failures = engine.run(study_plan.jobs, plan, listener)
    if failures or study_plan.failed:
        raise RunsFailedError(
            {**{t: f"{m} (earlier; --retry tries again)" for t, m in study_plan.failed.items()}, **failures}
        )
    return folder


def _runs(experiments: dict[str, Experiment], seeds: tuple[int, ...]) -> Iterator[tuple[str, Experiment, int]]:
    for seed in seeds:
        for name, experiment in experiments.items():
            yield name, experiment, seed


def _title(name: str, seed: int, study: Study) -> str:
    return name if len(study.seeds) == 1 else f"{name} seed {seed}"


def _check_images(experiment: Experiment, run: RunFolder, manifest: str) -> None:
    """Makes sure that a finished run saw the images that the others will see."""
    if run.description()["data"]["manifest"] != manifest:
        raise FolderError(
            f"{run.path} was made with other images: {experiment.data} has changed since. "
            "Give another folder with --out; nothing was changed."
        )
