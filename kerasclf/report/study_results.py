"""The results of a study, read from its folder."""

import math
from collections.abc import Sequence
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
from kerasclf.studies.refit import Refit, read_refit
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_folder import StudyFolder

REDUCED = "The study was reduced: {}."
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
_QUICK = "This is the quick size: few images and two epochs. It tests the workflow; its results mean nothing."
RANDOM_WEIGHTS = (
    "The networks started from random weights (--weights none), not from pretrained weights. Their frozen layers have "
    "not learnt anything: the results show the workflow and its cost, not the benefit of transfer learning."
)


@dataclass(frozen=True)
class Run:
    """One finished run: its seed, metrics, history and predictions.

    A run that continued another has that model's probabilities for the same images as `earlier_probabilities`.
    """

    seed: int
    metrics: dict[str, Any]
    history: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    description: dict[str, Any]
    environment: dict[str, Any]
    examples: Examples | None
    earlier_probabilities: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        return f"<Run with seed {self.seed}: test accuracy {self.metrics.get('test_accuracy', math.nan):.4f}>"

    @property
    def experiment_data(self) -> str:
        """The data spec of the run."""
        return str(self.description["experiment"]["data"])

    @property
    def new_images(self) -> dict[str, int]:
        """Number of images in each set that the continued run did not have; empty if the run continued none."""
        return dict(self.description["data"].get("new_images", {}))

    @property
    def class_names(self) -> list[str]:
        """Class names in the order of the labels."""
        return list(self.description["class_names"])


@dataclass(frozen=True)
class ExperimentResults:
    """One experiment with its finished runs and its published results."""

    name: str
    experiment: Experiment
    runs: tuple[Run, ...]
    published: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"<ExperimentResults {self.name!r}: {len(self.runs)} run{'s' * (len(self.runs) > 1)}>"

    def values(self, metric: str) -> NDArray[np.float64]:
        """Returns a metric of every run; nan for a run without it."""
        return np.array([run.metrics.get(metric, np.nan) for run in self.runs], np.float64)

    @cached_property
    def pooled(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Labels and probabilities of all runs, concatenated."""
        labels = np.concatenate([run.labels for run in self.runs])
        return labels, np.concatenate([run.probabilities for run in self.runs])


@dataclass(frozen=True)
class StudyResults:
    """A study with the results of its experiments; experiments without a finished run are left out.

    Args:
        study: The contents of study.json.
        experiments: The experiments.
        refit: The final model that was trained on all images; None if there is none.
    """

    study: dict[str, Any]
    experiments: tuple[ExperimentResults, ...]
    refit: Refit | None = None

    def __repr__(self) -> str:
        return f"<StudyResults {self.study['name']!r}: {', '.join(e.name for e in self.experiments)}>"

    @property
    def first_run(self) -> Run:
        """The first run of the first experiment."""
        return self.experiments[0].runs[0]

    @property
    def data_title(self) -> str:
        """The title of the data set."""
        return str(self.first_run.description["data"]["title"])

    @property
    def size(self) -> str:
        """`"quick"`; `"reduced"`, also by limits of the user's own; or `"full"`."""
        if self.study["size"] == "full" and self.study["reductions"]:
            return "reduced"
        return str(self.study["size"])

    @property
    def comparable(self) -> bool:
        """Whether the results can be compared with the published figures: same data, all of it, and same weights."""
        return self.size == "full" and all(
            _is_same_data(experiment.data, self.study["published_data"])
            and experiment.image_size in (None, self._published_size)
            and experiment.split.train_per_class is None
            and experiment.split.test_per_class is None
            and (experiment.transfer is None or experiment.transfer.weights == "imagenet")
            for experiment in (e.experiment for e in self.experiments)
        )

    @property
    def caution(self) -> str:
        """Sentences on the limits of the results, or the empty string."""
        if self.size == "quick":
            return " ".join([_QUICK, *self._weights_note])
        return " ".join(filter(None, [self._reduction_note, self._data_note]))

    @property
    def _reduction_note(self) -> str:
        reductions = self.study["reductions"]
        return REDUCED.format("; ".join(reductions)) if reductions else ""

    @property
    def _data_note(self) -> str:
        """Sentences on why the published figures are not comparable, or the empty string if they are."""
        if not self.study["published"] or self.comparable:
            return " ".join(self._weights_note)
        source = self.study["published_data"].replace("folder", "the author's own images")
        same_data = _is_same_data(self.first_run.experiment_data, self.study["published_data"])
        if same_data and (self._weights_note or self._reduction_note):
            return " ".join([*self._weights_note, "The published figures are not comparable."])
        all_of = "all of " if same_data else ""
        return " ".join(
            [
                f"The results are measured on {self.data_title}. The published figures were measured on "
                f"{all_of}{source} and are not comparable.",
                *self._weights_note,
            ]
        )

    @property
    def _weights_note(self) -> list[str]:
        """A sentence if a network that is usually pretrained started from random weights."""
        weights = [e.experiment.transfer.weights for e in self.experiments if e.experiment.transfer]
        return [RANDOM_WEIGHTS] if "none" in weights else []

    @property
    def _published_size(self) -> tuple[int, int] | None:
        size = self.study.get("published_image_size")
        return tuple(size) if size else None

    @property
    def published_metric(self) -> str:
        """The metric of the published figures: test_accuracy or validation_accuracy."""
        return str(self.study.get("published_metric", "test_accuracy"))

    @cached_property
    def lessons(self) -> dict[str, Lesson]:
        """Lessons by the name of the experiment with the flaw; empty for most studies."""
        return {name: Lesson.from_dict(plain) for name, plain in self.study.get("lessons", {}).items()}

    @property
    def chosen(self) -> ExperimentResults:
        """The best experiment on the validation set, or on the test set if the protocol chooses there.

        An experiment with a flaw is chosen only if all experiments have one.
        """
        metric = self.published_metric if self.study["protocol"] == "published" else "validation_accuracy"
        sound = [e for e in self.experiments if e.name not in self.lessons]
        return max(sound or self.experiments, key=lambda e: e.values(metric).mean())


def read_results(path: Path | str) -> StudyResults:
    """Reads the folder of a study.

    Raises:
        FolderError: If the folder holds no study or no finished run.
    """
    folder = StudyFolder(Path(path))
    study = folder.read()
    experiments = []
    for name, plain in study["experiments"].items():
        experiment = Experiment.from_dict(plain)
        folders = [folder.run(name, experiment.identity, seed) for seed in study["seeds"]]
        runs = tuple(
            _read_run(run, experiment, seed) for run, seed in zip(folders, study["seeds"], strict=True) if run.complete
        )
        if runs:
            _check_classes(folders[0].path.parent, runs)
            experiments.append(ExperimentResults(name, experiment, runs, study["published"].get(name)))
    if not experiments:
        raise FolderError(f"{path} holds no finished run. Run the study {study['name']!r} first.")
    return StudyResults(study, tuple(experiments), read_refit(folder))


def _read_run(run: RunFolder, experiment: Experiment, seed: int) -> Run:
    run.check(experiment, seed)
    try:
        labels, probabilities = run.predictions()
        found = Run(
            seed,
            run.metrics(),
            run.history(),
            labels,
            probabilities,
            run.description(),
            run.environment(),
            run.examples(),
            run.earlier_probabilities(),
        )
        missing = [name for name in _METRICS if name not in found.metrics]
        missing += [name for name in _COLUMNS if name not in found.history]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        if found.earlier_probabilities is not None and len(found.earlier_probabilities) != len(labels):
            raise ValueError("it has predictions of the earlier model for other images")
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


def _is_same_data(spec: str, published: str) -> bool:
    """Returns whether a spec names the published data set, in any folder of the user."""
    return spec == published or (published == "birds" and spec.startswith("birds:"))
