"""What a study's folder holds, read once for the whole report."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.studies.examples import Examples
from kerasclf.studies.experiment import Experiment
from kerasclf.studies.run_folder import RunFolder, StudyFolder


@dataclass(frozen=True)
class Run:
    """One finished run: its seed, figures, history and predictions."""

    seed: int
    metrics: dict[str, Any]
    history: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    description: dict[str, Any]
    environment: dict[str, Any]
    examples: Examples | None

    @property
    def experiment_data(self) -> str:
        """The spec of the data it was run on."""
        return str(self.description["experiment"]["data"])

    @property
    def class_names(self) -> list[str]:
        """Names by label."""
        return list(self.description["class_names"])


@dataclass(frozen=True)
class ExperimentResults:
    """One experiment with its finished runs and what was published of it."""

    name: str
    experiment: Experiment
    runs: tuple[Run, ...]
    published: dict[str, Any] | None

    def values(self, metric: str) -> NDArray[np.float64]:
        """Returns a metric of every run; nan where a run has none."""
        return np.array([run.metrics.get(metric, np.nan) for run in self.runs], np.float64)

    @cached_property
    def pooled(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Labels and probabilities of all runs together."""
        labels = np.concatenate([run.labels for run in self.runs])
        return labels, np.concatenate([run.probabilities for run in self.runs])


@dataclass(frozen=True)
class StudyResults:
    """A study with the results of its experiments, those without a finished run left out."""

    study: dict[str, Any]
    experiments: tuple[ExperimentResults, ...]

    @property
    def first_run(self) -> Run:
        return self.experiments[0].runs[0]

    @property
    def data_title(self) -> str:
        return str(self.first_run.description["data"]["title"])

    @property
    def comparable(self) -> bool:
        """Whether measured figures may stand beside the published ones: the same data, and all of it."""
        return not self.study["quick"] and all(
            experiment.data == self.study["published_data"]
            and experiment.image_size is None
            and experiment.split.train_per_class is None
            and experiment.split.test_per_class is None
            for experiment in (e.experiment for e in self.experiments)
        )

    @property
    def caution(self) -> str:
        """A sentence on what the figures are not, or the empty string."""
        if self.study["quick"]:
            return "This is the quick form, on few images for two epochs: it shows the way, its figures mean nothing."
        if self.study["published"] and not self.comparable:
            of_it = "all of " if self.first_run.experiment_data == self.study["published_data"] else ""
            return (
                f"Measured on {self.data_title}; the published figures are from {of_it}{self.study['published_data']} "
                "and are not comparable."
            )
        return ""

    @property
    def chosen(self) -> ExperimentResults:
        """The experiment one would take: the best on validation, or on the test part where the protocol does so."""
        metric = "test_accuracy" if self.study["protocol"] == "published" else "validation_accuracy"
        return max(self.experiments, key=lambda e: e.values(metric).mean())


def read_results(path: Path | str) -> StudyResults:
    """Reads a study's folder.

    Raises:
        FolderError: It holds no study, or no finished run.
    """
    folder = StudyFolder(Path(path))
    study = folder.read()
    found = []
    for name, plain in study["experiments"].items():
        experiment = Experiment.from_dict(plain)
        folders = [folder.run(name, experiment.identity, seed) for seed in study["seeds"]]
        runs = tuple(
            _read_run(run, experiment, seed) for run, seed in zip(folders, study["seeds"], strict=True) if run.complete
        )
        if runs:
            found.append(ExperimentResults(name, experiment, runs, study["published"].get(name)))
    if not found:
        raise FolderError(f"{path} holds no finished run. Run the study first: kerasclf study {study['name']}.")
    return StudyResults(study, tuple(found))


def _read_run(run: RunFolder, experiment: Experiment, seed: int) -> Run:
    run.check(experiment, seed)
    try:
        labels, probabilities = run.predictions()
        return Run(
            seed,
            run.metrics(),
            run.history(),
            labels,
            probabilities,
            run.description(),
            run.environment(),
            run.examples(),
        )
    except (OSError, ValueError, KeyError) as error:
        raise FolderError(
            f"{run.path} is damaged ({error}). Remove it and run the study again; the other runs are kept."
        ) from error
