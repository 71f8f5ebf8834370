"""Reads the results of a study from its folder."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerasclf.errors import FolderError
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.finished_run import Run
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.metrics import balanced_accuracy
from kerasclf.runs.run_folder import RunFolder
from kerasclf.search.time_budget.budget_record import read_budget_record
from kerasclf.studies.explanations import read_explanations
from kerasclf.studies.refit import read_refit
from kerasclf.studies.study_folder import StudyFolder

# Every run reports them.
_METRICS = (
    "test_accuracy",
    "test_loss",
    "test_macro_f1",
    "validation_accuracy",
    "epochs",
    "best_epoch",
    "images_per_second",
    "seconds",
    "parameters",
)
_COLUMNS = ("loss", "accuracy", "val_loss", "val_accuracy")


def read_results(path: Path | str) -> StudyResults:
    """Reads the folder of a study.

    Raises:
        FolderError: If the folder holds no study or no finished run.
    """
    folder = StudyFolder(Path(path))
    study = folder.read()
    experiments: list[ExperimentResults] = []
    failures: dict[str, str] = {}
    for name, plain in study["experiments"].items():
        experiment = Experiment.from_dict(plain)
        seeded = [(experiment.on_split(seed, study["splits"]), seed) for seed in study["seeds"]]
        folders = [folder.run(name, on_split.identity, seed) for on_split, seed in seeded]
        failures |= {
            f"{name} with seed {seed}": run.failure
            for run, seed in zip(folders, study["seeds"], strict=True)
            if not run.complete and run.failure
        }
        runs = tuple(_read_run(run, *one) for run, one in zip(folders, seeded, strict=True) if run.complete)
        if runs:
            _check_classes(folders[0].path.parent, runs)
            experiments.append(ExperimentResults(name, experiment, runs, study["published"].get(name)))
    if not experiments:
        raise FolderError(f"{path} holds no finished run. Run the study {study['name']!r} first.")
    refit, explanations, budget = read_refit(folder), read_explanations(folder.path), read_budget_record(folder.path)
    return StudyResults(study, tuple(experiments), refit, explanations, budget, failures)


def _read_run(run: RunFolder, experiment: Experiment, seed: int) -> Run:
    run.check(experiment, seed, needs_model=False)
    try:
        labels, probabilities = run.predictions()
        found = Run(
            seed=seed,
            # Older runs did not write it.
            metrics={"test_balanced_accuracy": balanced_accuracy(labels, probabilities), **run.metrics()},
            history=run.history(),
            labels=labels,
            probabilities=probabilities,
            description=run.description(),
            environment=run.environment(),
            examples=run.examples(),
            earlier_probabilities=run.earlier_probabilities(),
            test_images=run.test_images(),
            validation=run.validation_predictions(),
        )
        missing = [name for name in _METRICS if name not in found.metrics]
        missing += [name for name in _COLUMNS if name not in found.history]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        if found.earlier_probabilities is not None and len(found.earlier_probabilities) != len(labels):
            raise ValueError("it has predictions of the earlier model for other images")
        leaked = found.description["data"].get("leaked_test_images", [])
        if not np.isin(leaked, np.arange(len(labels))).all():
            raise ValueError("it names leaked images that are not in the test set")
        for name, groups, images in (
            ("test", found.groups, len(labels)),
            ("validation", found.validation_groups, found.images["validation"]),
        ):
            if groups is not None and (len(groups) != images or set(groups) != set(range(max(groups) + 1))):
                raise ValueError(f"it has groups of other {name} images")
        if found.examples is not None and not np.isin(found.examples.indices, np.arange(len(labels))).all():
            raise ValueError("it has thumbnails of images that are not in the test set")
        return found
    except (OSError, ValueError) as error:
        raise FolderError(
            f"{run.path} is damaged ({error}). Remove this folder and run the study again. The other runs are kept."
        ) from error


def _check_classes(folder: Path, runs: Sequence[Run]) -> None:
    """Checks that the runs of an experiment have the same classes: the report adds up their predictions."""
    if any(run.class_names != runs[0].class_names for run in runs):
        raise FolderError(f"{folder} is damaged: its runs have different classes. Remove it and run the study again.")
