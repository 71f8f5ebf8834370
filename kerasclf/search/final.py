"""The end of a search: the experiment and the best trial on the test images, and the network for use."""

from dataclasses import dataclass
from typing import Any

from kerasclf.data.views import View
from kerasclf.errors import RunsFailedError
from kerasclf.files import read_json, write_json
from kerasclf.runs.engines import Engine
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.job import Job
from kerasclf.runs.progress import RunListener
from kerasclf.search.search_folder import SearchFolder
from kerasclf.search.search_results import SearchResults
from kerasclf.studies.study import Study
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.studies.study_runner import plan_study, run_planned_study

BASE, BEST = "base", "best"
_REFIT = "refit.json"


def final_study(results: SearchResults) -> Study:
    """Returns the study of the experiment as it was and with the best trial's values, on the test images."""
    search, best = results.search, results.experiment
    experiments = {BASE: search.experiment}
    if best != search.experiment:
        experiments[BEST] = best
    return Study(
        name="final",
        title="What the search brought",
        question=f"How much better than the experiment it began with is {results.best.title} on the test images?",
        experiments=experiments,
        seeds=search.final_seeds,
        notes=(f"best is {results.best.title} of the search, chosen on the validation images.",),
    )


@dataclass(frozen=True)
class Finish:
    """What is still to be run at the end of a search.

    Args:
        results: The search.
        study_plan: The runs of the experiment and the best trial that are still to be made.
        refit: Whether the best is trained once more, on the training and validation images together.
    """

    results: SearchResults
    study_plan: StudyPlan
    refit: bool

    @property
    def runs(self) -> int:
        """How many runs that are."""
        return len(self.study_plan.jobs) + bool(self.refit and not refit_job(self).run.complete)


def prepare_finish(results: SearchResults, engine: Engine, refit: bool = False) -> Finish:
    """Finds out what the end of a search still needs; runs nothing."""
    return Finish(results, plan_study(final_study(results), results.folder.final, engine=engine, measure=False), refit)


def finish(ending: Finish, engine: Engine, listener: RunListener) -> None:
    """Runs the experiment and the best trial with the same seeds, and looks at each once on the test images.

    Raises:
        RunsFailedError: Some runs failed.
    """
    if ending.results.search.final_seeds:
        run_planned_study(ending.study_plan, engine, listener)
    if ending.refit:
        _refit(ending, engine, listener)


def refit_experiment(results: SearchResults) -> Experiment:
    """Returns the best experiment for training and validation images together.

    Where early stopping decided how long it was trained, that length is kept: nothing is left to stop by.
    """
    best = results.experiment
    if best.train.early_stopping is None:
        return best
    epochs = [run.metrics["best_epoch"] for run in results.best.runs]
    return best.but(train=best.train.but(early_stopping=None, epochs=max(1, round(sum(epochs) / len(epochs)))))


def refit_job(ending: Finish) -> Job:
    """Returns the run of the best on training and validation images together."""
    results, plan = ending.results, ending.study_plan.plan
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


def refit_of(folder: SearchFolder) -> dict[str, Any] | None:
    """Returns which trial was trained on training and validation images together, where, and its figures; or None."""
    path = folder.path / _REFIT
    return read_json(path) if path.exists() else None


def _refit(ending: Finish, engine: Engine, listener: RunListener) -> None:
    job, folder = refit_job(ending), ending.results.folder
    failures = {} if job.run.complete else engine.run([job], ending.study_plan.plan, listener)
    if failures:
        raise RunsFailedError(failures)
    write_json(
        folder.path / _REFIT,
        {
            "trial": ending.results.best.number,
            "model": str((job.path / "model.keras").relative_to(folder.path)),
            "experiment": job.experiment.to_dict(),
            "metrics": job.run.metrics(),
        },
    )
