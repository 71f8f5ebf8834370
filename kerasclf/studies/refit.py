"""Trains the best experiment of a study once more, on all images, for the model that is used in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kerasclf.data.views import View
from kerasclf.errors import FolderError, KerasclfError, RunsFailedError
from kerasclf.files.locks import hold
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.networks.model_file import MODEL
from kerasclf.runs.engines.engine import Engine
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.inputs import check_run, known_inputs
from kerasclf.runs.job import Job
from kerasclf.runs.progress import RunListener
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.values import Value

_REFIT = "refit.json"


@dataclass(frozen=True)
class Refit(Value):
    """The model that was trained on all images, and the measured accuracy of its recipe; the contents of refit.json.

    Args:
        experiment: Name of the experiment whose recipe it has.
        model: The model file, below the folder of the study.
        images: Number of images that it was trained on.
        epochs: Number of epochs, all phases together.
        runs: Number of runs of the experiment, which did not see the test images.
        accuracy: Their mean test accuracy.
        spread: Standard deviation of their test accuracies; None for a single run.
    """

    experiment: str
    model: str
    images: int
    epochs: int
    runs: int
    accuracy: float
    spread: float | None = None

    @property
    def sentence(self) -> str:
        """Where the accuracy that one may expect comes from."""
        spread = "" if self.spread is None else f" ± {self.spread:.2f}"
        return (
            f"Its test accuracy is that of the recipe: {self.accuracy:.2f}{spread} (n = {self.runs}), measured on "
            "images that the runs did not see."
        )


def refit(study_plan: StudyPlan, engine: Engine, listener: RunListener) -> Refit:
    """Trains the experiment with the best mean validation accuracy on all images, unless that is done already.

    The training has no validation set. If early stopping decided the length of the runs, it takes their mean best
    epoch.

    Args:
        study_plan: A study whose runs are finished.
        engine: Where to execute the training.
        listener: Receives its progress.

    Raises:
        RunsFailedError: If the training failed.
        KerasclfError: If the recipe needs a validation set.
    """
    folder = study_plan.folder
    for name, experiment in study_plan.study.experiments.items():
        check_refit(name, experiment)
    name, runs = _best(study_plan)
    job = _job(study_plan, name, runs)
    if job.run.complete:
        job.run.check(job.experiment, job.seed)
        listener.log(f"{job.title}  is already finished")
    check_run(job.run, job.experiment, known_inputs(job.experiment, job.manifest))
    if not job.run.complete:
        job.run.forget_failure()
        with hold(folder.path):
            failures = engine.run([job], study_plan.plan, listener)
        if failures:
            raise RunsFailedError(failures)
    accuracies = [run.metrics()["test_accuracy"] for run in runs]
    found = Refit(
        experiment=name,
        model=(job.path / MODEL).relative_to(folder.path).as_posix(),
        images=job.run.description()["data"]["images"]["train"],
        epochs=job.run.metrics()["epochs"],
        runs=len(runs),
        accuracy=float(np.mean(accuracies)),
        spread=float(np.std(accuracies, ddof=1)) if len(runs) > 1 else None,
    )
    write_json(folder.path / _REFIT, {**found.to_dict(), "description": found.sentence})
    return found


def check_refit(name: str, experiment: Experiment) -> None:
    """Checks that an experiment can train without a validation set.

    Args:
        name: Its name, for the message.
        experiment: The experiment.

    Raises:
        KerasclfError: If it cannot.
    """
    schedules = [phase.schedule for phase in experiment.phases]
    if any(schedule.name == "plateau" and schedule.monitor.startswith("val_") for schedule in schedules):
        raise KerasclfError(
            f"{name}: expected a schedule that needs no validation set, as the validation images train the final "
            "model, too. Received: a plateau of a validation metric."
        )
    if any(phase.early_stopping is not None for phase in experiment.earlier_phases):
        raise KerasclfError(
            f"{name}: expected no early stopping in earlier phases, as the validation images train the final model, "
            "too."
        )


def read_refit(folder: StudyFolder) -> Refit | None:
    """Returns the refit of a study, or None if there is none.

    Raises:
        FolderError: If refit.json cannot be read.
    """
    path = folder.path / _REFIT
    if not path.exists():
        return None
    try:
        return Refit.from_dict({name: value for name, value in read_json(path).items() if name != "description"})
    except FolderError:
        raise
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FolderError(f"{path} cannot be read: {error}. Repeat the training with `refit`.") from error


def without_early_stopping(experiment: Experiment, best_epochs: Sequence[float]) -> Experiment:
    """Returns an experiment whose last phase takes a fixed number of epochs if early stopping decided its length.

    Args:
        experiment: The experiment.
        best_epochs: The best epoch of each of its runs, counted over all phases. The last phase takes their mean.
    """
    train = experiment.train
    if train.early_stopping is None:
        return experiment
    earlier = sum(phase.epochs for phase in experiment.earlier_phases)
    epochs = max(1, round(sum(best_epochs) / len(best_epochs)) - earlier)
    schedule = train.schedule.but(warmup_epochs=min(train.schedule.warmup_epochs, epochs))
    return experiment.but(train=train.but(early_stopping=None, epochs=epochs, schedule=schedule))


def _best(study_plan: StudyPlan) -> tuple[str, list[RunFolder]]:
    """Returns the experiment with the best mean validation accuracy, and its runs. The first one wins a tie."""
    study, folder = study_plan.study, study_plan.folder
    runs = {
        name: [folder.run(name, experiment.on_split(seed, study.splits).identity, seed) for seed in study.seeds]
        for name, experiment in study.experiments.items()
    }
    best = best_by_validation(runs)
    return best, runs[best]


def best_by_validation(runs: Mapping[str, Sequence[RunFolder]]) -> str:
    """Returns the experiment whose finished runs have the best mean validation accuracy. The first one wins a tie.

    Raises:
        FolderError: If a run has no validation accuracy.
    """
    means = {name: np.mean([_validation_accuracy(run) for run in found]) for name, found in runs.items()}
    return max(means, key=means.__getitem__)


def _validation_accuracy(run: RunFolder) -> float:
    try:
        return float(run.metrics()["validation_accuracy"])
    except (KeyError, FileNotFoundError) as error:
        raise FolderError(f"{run.path} is damaged: it has no validation accuracy. Run the study again.") from error


def _job(study_plan: StudyPlan, name: str, runs: Sequence[RunFolder]) -> Job:
    study, plan = study_plan.study, study_plan.plan
    recipe = study.experiments[name]
    experiment = without_early_stopping(recipe, [run.metrics()["best_epoch"] for run in runs])
    seed, manifest = study.seeds[0], plan.data_of[name]
    return Job(
        title=f"{name} on all images",
        name=name,
        experiment=experiment,
        seed=seed,
        path=study_plan.folder.path / "refit" / f"{name}-{experiment.identity}" / f"seed-{seed}",
        manifest=manifest,
        snapshot=plan.snapshots.get(manifest),
        view=View(everything=True),
    )
