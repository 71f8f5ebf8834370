"""The end of a search: evaluates the experiment and the best trial on the test set, and trains the final model."""

from dataclasses import dataclass
from typing import Any, TypedDict

from kerasclf.data.views import View
from kerasclf.errors import RunsFailedError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.networks.model_file import MODEL
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.inputs import check_finished, known_inputs
from kerasclf.runs.job import Job
from kerasclf.runs.planning.plan import Plan, PlanRequest
from kerasclf.runs.progress import RunListener
from kerasclf.schema import check_schema
from kerasclf.search.search_results import SearchResults
from kerasclf.studies.refit import check_refit, without_early_stopping
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.studies.study_runner import plan_study, run_planned_study

BASE, BEST = "base", "best"
_REFIT = "refit.json"


class _Metrics(TypedDict):
    """The metrics of the refit that the report shows."""

    test_accuracy: float
    test_loss: float


class _Refit(TypedDict):
    """The contents of refit.json."""

    trial: int
    model: str
    experiment: dict[str, Any]
    metrics: _Metrics


def final_study(results: SearchResults) -> Study:
    """Returns the study that compares the base experiment and the best trial on the test set."""
    search, best = results.search, results.experiment
    experiments = {BASE: search.experiment}
    if best != search.experiment:
        experiments[BEST] = best
    return Study(
        name="final",
        title="The gain of the search",
        question=f"How much better is {results.best.title} on the test set than the base experiment?",
        experiments=experiments,
        seeds=search.final_seeds,
        notes=(f"best is {results.best.title} of the search, chosen on the validation set.",),
    )


@dataclass(frozen=True)
class FinishPlan:
    """The runs that remain at the end of a search.

    Args:
        results: The search.
        study_plan: The remaining runs of the base experiment and the best trial; None without final repeats.
        plan: The checked data.
        refit: Whether to train the best trial once more, on the training and validation sets together.
    """

    results: SearchResults
    study_plan: StudyPlan | None
    plan: Plan
    refit: bool

    @property
    def runs(self) -> int:
        """Number of remaining runs."""
        compared = len(self.study_plan.jobs) if self.study_plan else 0
        return compared + bool(self.refit and not refit_job(self).run.complete)


def forget_earlier_best(results: SearchResults) -> None:
    """Takes an earlier best trial out of the final study. Its runs stay in the folder, and count as evaluations."""
    folder = StudyFolder(results.folder.final)
    if folder.holds_study() and folder.read()["experiments"].get(BEST) != results.experiment.to_dict():
        folder.forget(BEST)


def prepare_finish(results: SearchResults, engine: Engine, refit: bool = False) -> FinishPlan:
    """Returns the runs that remain at the end of a search. Runs nothing.

    Raises:
        KerasclfError: If the best trial cannot train on the training and validation sets together.
    """
    if refit:
        check_refit(results.best.title, results.experiment)
    if not results.search.final_seeds:
        plan = engine.plan(PlanRequest({BASE: results.search.experiment}), lambda line: None)
        return FinishPlan(results, None, plan, refit)
    study_plan = plan_study(final_study(results), results.folder.final, engine=engine, measure=False)
    return FinishPlan(results, study_plan, study_plan.plan, refit)


def finish(planned: FinishPlan, engine: Engine, listener: RunListener) -> None:
    """Runs the base experiment and the best trial with the same seeds, and evaluates each once on the test set.

    Raises:
        RunsFailedError: If some runs failed.
    """
    if planned.study_plan:
        run_planned_study(planned.study_plan, engine, listener)
    if planned.refit:
        _refit(planned, engine, listener)


def refit_experiment(results: SearchResults) -> Experiment:
    """Returns the best experiment for training on the training and validation sets together.

    Early stopping needs a validation set. Its place takes a fixed number of epochs: the mean best epoch of the runs.
    """
    return without_early_stopping(results.experiment, [run.metrics["best_epoch"] for run in results.best.runs])


def refit_job(planned: FinishPlan) -> Job:
    """Returns the run of the best trial on the training and validation sets together."""
    results, plan = planned.results, planned.plan
    experiment, manifest = refit_experiment(results), plan.data_of[BASE]
    return Job(
        title="refit",
        name="refit",
        experiment=experiment,
        seed=results.search.seeds[0],
        path=results.folder.path / "refit" / experiment.identity / f"seed-{results.search.seeds[0]}",
        manifest=manifest,
        snapshot=plan.snapshots.get(manifest),
        view=View(joined=True, reports_on="test"),
    )


def refit_of(results: SearchResults) -> dict[str, Any] | None:
    """Returns the trial, model file, experiment and metrics of the refit.

    Returns None if there is none, or if it belongs to an earlier best trial.
    """
    path = results.folder.path / _REFIT
    if not path.exists():
        return None
    refit: dict[str, Any] = read_json(path)
    check_schema(refit, _Refit, path)
    return refit if Experiment.from_dict(refit["experiment"]) == refit_experiment(results) else None


def _refit(planned: FinishPlan, engine: Engine, listener: RunListener) -> None:
    job, folder = refit_job(planned), planned.results.folder
    if job.run.complete:
        check_finished(job.run, job.experiment, known_inputs(job.experiment, job.manifest))
    failures = {} if job.run.complete else engine.run([job], planned.plan, listener)
    if failures:
        raise RunsFailedError(failures)
    write_json(
        folder.path / _REFIT,
        {
            "trial": planned.results.best.number,
            "model": (job.path / MODEL).relative_to(folder.path).as_posix(),
            "experiment": job.experiment.to_dict(),
            "metrics": job.run.metrics(),
        },
    )
