"""What a study's folder holds, read once for the whole report."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.runs.examples import Examples
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_folder import StudyFolder

REDUCED = "This is a reduced form: {}."
_QUICK = "This is the quick form, on few images for two epochs: it shows the way, its figures mean nothing."
AT_RANDOM = (
    "The networks began with random weights (--weights none), not with pretrained ones: what was frozen knows nothing "
    "of images, and the figures show the way and its cost, not what transfer brings."
)


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
        """Whether measured figures may stand beside the published ones: the same data, all of it, and weights."""
        return not (self.study["quick"] or self.study.get("reduced")) and all(
            _is_of(experiment.data, self.study["published_data"])
            and experiment.image_size in (None, self._published_size)
            and experiment.split.train_per_class is None
            and experiment.split.test_per_class is None
            and (experiment.transfer is None or experiment.transfer.weights == "imagenet")
            for experiment in (e.experiment for e in self.experiments)
        )

    @property
    def caution(self) -> str:
        """Sentences on what the figures are not, or the empty string."""
        if self.study["quick"]:
            return " ".join([_QUICK, *self._about_weights])
        return " ".join(filter(None, [self._reduction, self._about_data]))

    @property
    def _reduction(self) -> str:
        less = self.study.get("reduced")
        return REDUCED.format("; ".join(less)) if less else ""

    @property
    def _about_data(self) -> str:
        """Sentences on why published figures are not comparable, where there are some and they are not."""
        if not self.study["published"] or self.comparable:
            return " ".join(self._about_weights)
        source = self.study["published_data"].replace("folder", "the author's own images")
        of_it = "all of " if _is_of(self.first_run.experiment_data, self.study["published_data"]) else ""
        if of_it and (self._about_weights or self._reduction):
            return " ".join([*self._about_weights, "The published figures are not comparable."])
        return " ".join(
            [
                f"Measured on {self.data_title}; the published figures are from {of_it}{source} "
                "and are not comparable.",
                *self._about_weights,
            ]
        )

    @property
    def _about_weights(self) -> list[str]:
        """A sentence where networks that are usually pretrained began at random: what they freeze knows nothing."""
        begins = [e.experiment.transfer.weights for e in self.experiments if e.experiment.transfer]
        return [AT_RANDOM] if "none" in begins else []

    @property
    def _published_size(self) -> tuple[int, int] | None:
        size = self.study.get("published_image_size")
        return tuple(size) if size else None

    @property
    def published_metric(self) -> str:
        """What the published accuracies are: test_accuracy or validation_accuracy."""
        return str(self.study.get("published_metric", "test_accuracy"))

    @cached_property
    def lessons(self) -> dict[str, Lesson]:
        """What experiments with a flaw teach, by their names; none in most studies."""
        return {name: Lesson.from_dict(plain) for name, plain in self.study.get("lessons", {}).items()}

    @property
    def chosen(self) -> ExperimentResults:
        """The experiment one would take: the best on validation, or on the test part where the protocol does so.

        One with a flaw is not taken where there is another.
        """
        metric = self.published_metric if self.study["protocol"] == "published" else "validation_accuracy"
        sound = [e for e in self.experiments if e.name not in self.lessons]
        return max(sound or self.experiments, key=lambda e: e.values(metric).mean())


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


def _is_of(spec: str, published: str) -> bool:
    """Returns whether a spec is of the published data: the same, or the same kind in the user's own place."""
    return spec == published or (published == "birds" and spec.startswith("birds:"))
