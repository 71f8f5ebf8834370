"""`EvaluationResults`: how trained models do on labelled images, with intervals. Needs no TensorFlow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.report.comparisons import Comparison, compare_contrasts
from kerasclf.report.evaluation.evaluated_model import (
    ENSEMBLE,
    EvaluatedModel,
    correct_of,
    metrics_of,
    sample,
    sample_of,
    within_shares,
)
from kerasclf.report.experiment_intervals import interval_of
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.finished_run import Run
from kerasclf.report.imbalance import Imbalance
from kerasclf.report.statistics.intervals import Interval, accuracy_interval
from kerasclf.report.statistics.random_effects import Sample, difference_of, summarise_scores
from kerasclf.report.statistics.unpaired import unpaired_difference
from kerasclf.report.study_results import StudyResults
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.metrics import accuracy, class_metrics
from kerasclf.runs.run_records import DataRecord, RunDescription, RunEnvironment, SetSizes
from kerasclf.studies.study_folder import StudyContents


@dataclass(frozen=True)
class Degradation:
    """The accuracy of a model on corrupted images.

    Args:
        model: Name of the model.
        corruption: Name of the corruption.
        strength: 1 to 5.
        accuracy: The accuracy with its 95 % interval over images like these.
        drop: Accuracy on the images as they are minus this one, with its interval: paired, image by image.
        advantage: This accuracy minus that of the first model, paired; None for the first model.
    """

    model: str
    corruption: str
    strength: int
    accuracy: Interval
    drop: Interval
    advantage: Interval | None


@dataclass(frozen=True, repr=False)
class EvaluationResults:
    """Trained models on labelled images that they were not trained on.

    Args:
        spec: The data set.
        title: Its name in tables and pages.
        which: The images of it, such as "its test set".
        class_names: Classes, in the order of the probabilities.
        names: Name of each image.
        labels: Class indices, shape (n,).
        models: The models.
        corrupted: Corruption and strength of each column of `EvaluatedModel.right`.
        views: Number of averaged views; 1 without test-time augmentation.
        image_shape: Height, width and channels of the images of the first model.
        environment: Versions and hardware.
        left_out: Number of images of each class that the models do not know, left out on request.
        unreadable: Why an image cannot be read, by its name. They are left out.
    """

    spec: str
    title: str
    which: str
    class_names: tuple[str, ...]
    names: tuple[str, ...]
    labels: NDArray[np.int64]
    models: tuple[EvaluatedModel, ...]
    corrupted: tuple[tuple[str, int], ...]
    views: int
    image_shape: tuple[int, int, int]
    environment: RunEnvironment
    left_out: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        models = ", ".join(f"{model.name} {accuracy(self.labels, model.probabilities):.4f}" for model in self.models)
        return f"<Evaluation: {len(self.labels):,} images of {self.spec}; accuracy of {models}>"

    @property
    def accuracy(self) -> float:
        """The accuracy of the first model, from 0 to 1."""
        return self.interval.value

    @property
    def interval(self) -> Interval:
        """The accuracy of the first model with its 95 % interval over images like these (Wilson)."""
        return accuracy_interval(correct_of(self.labels, self.models[0].probabilities))

    @property
    def imbalance(self) -> Imbalance | None:
        """The imbalance of the images; None if no class has more than three times the images of another."""
        return self.results.imbalance

    @property
    def missing_classes(self) -> tuple[str, ...]:
        """Classes of the models without an image here. Nothing is known of them."""
        return tuple(name for label, name in enumerate(self.class_names) if not (self.labels == label).any())

    def table(self) -> pd.DataFrame:
        """Returns one row per model: accuracy with its 95 % interval, loss in nats, F1, and the own test accuracy.

        If the classes have very different numbers of images, balanced accuracy and macro F1 come first. Macro F1 is the
        mean over the classes that have images. `harder` is the accuracy on the run's own test images minus that on
        these, with its interval.
        """
        return pd.DataFrame([self._row(model) for model in self.models])

    def by_class(self, model: int = 0) -> pd.DataFrame:
        """Returns precision, recall, F1 and the number of images of each class, of the model at a position."""
        columns = class_metrics(self.labels, self.models[model].probabilities)
        return pd.DataFrame({"class": self.class_names, **columns._asdict()})

    def harder_than_own_test(self, model: EvaluatedModel) -> Interval | None:
        """Returns how much lower the accuracy is here than on the own test images of a model's run.

        The network is the same and the images are different ones, so that nothing is paired. None if the test images
        are unknown, or some of them are evaluated here.
        """
        if model.own_test is None or not model.is_independent:
            return None
        return unpaired_difference(correct_of(*model.own_test), correct_of(self.labels, model.probabilities))

    def balanced_accuracy(self, model: EvaluatedModel) -> Interval:
        """Returns the balanced accuracy of a model with its 95 % interval over images like these."""
        experiment = next(e for e in self.results.experiments if e.name == model.name)
        return interval_of(self.results, experiment, "test_balanced_accuracy")

    def gain_of_views(self, model: EvaluatedModel) -> Interval | None:
        """Returns the accuracy with averaged views minus that without, paired on the same images; None without."""
        if model.averaged is None:
            return None
        with_views, without = (sample_of(self.labels, p) for p in (model.averaged, model.probabilities))
        return within_shares(difference_of(with_views, without))

    @cached_property
    def degradations(self) -> tuple[Degradation, ...]:
        """The accuracy of each model on each kind of corrupted images; empty without corruptions."""
        known = [model for model in self.models if model.right is not None]
        return tuple(
            self._degradation(model, known[0], column) for model in known for column in range(len(self.corrupted))
        )

    def mean_over_corruptions(self, model: EvaluatedModel) -> Sample | None:
        """Returns the share of corruptions under which each image is predicted correctly; None without corruptions.

        The 30 versions of an image are no independent images: their mean is one score.
        """
        if model.right is None or not model.right.size:
            return None
        return summarise_scores(model.right.mean(axis=1)[None])

    @cached_property
    def comparisons(self) -> list[Comparison]:
        """Every other model and the ensemble, each compared with the first; an ensemble with each of its members."""
        return compare_contrasts(self.results)

    @cached_property
    def results(self) -> StudyResults:
        """This evaluation as the results of a study: each model is an experiment with one run, for the report."""
        members = [model.name for model in self.models if model.name != ENSEMBLE]
        pairs = [[name, members[0]] for name in members[1:]]
        if len(members) < len(self.models):
            pairs += [[ENSEMBLE, name] for name in members]
        study: StudyContents = {
            "name": "evaluation",
            "title": "Evaluation",
            "question": "",
            "protocol": "sound",
            "size": "full",
            "published": {},
            "published_data": "",
            "reductions": [],
            "notes": [],
            "seeds": [0],
            "experiments": {model.name: {} for model in self.models},
            "compare": pairs,
        }
        experiments = [ExperimentResults(m.name, Experiment(), (self._run(m),), None) for m in self.models]
        return StudyResults(study, tuple(experiments))

    def _run(self, model: EvaluatedModel) -> Run:
        metrics = {"validation_accuracy": model.validation_accuracy, **metrics_of(self.labels, model.probabilities)}
        validation = 0 if model.validation is None else len(model.validation[0])
        images = SetSizes(train=0, validation=validation, test=len(self.labels))
        description = RunDescription(
            experiment={"data": self.spec, "split": {"seed": 0}},
            seed=0,
            data=DataRecord(title=self.title, manifest="", images=images, image_shape=[]),
            class_names=list(self.class_names),
            finished="",
            files={},
        )
        return Run(
            seed=0,
            metrics=metrics,
            history=pd.DataFrame(),
            labels=self.labels,
            probabilities=np.asarray(model.probabilities, np.float64),
            description=description,
            environment=self.environment,
            examples=model.examples,
            test_images="evaluated",
            validation=model.validation,
        )

    def _row(self, model: EvaluatedModel) -> dict[str, Any]:
        value, low, high, _ = accuracy_interval(correct_of(self.labels, model.probabilities))
        row: dict[str, Any] = {"model": model.name, "images": len(self.labels)}
        found = metrics_of(self.labels, model.probabilities)
        plain = {"accuracy": value, "accuracy_low": low, "accuracy_high": high}
        balanced = self._balanced(model)
        row |= {**balanced, "macro_f1": found["test_macro_f1"], **plain} if self.imbalance else {**plain, **balanced}
        names = {"test_top5_accuracy": "top5_accuracy", "test_loss": "loss", "test_macro_f1": "macro_f1"}
        row |= {name: found[metric] for metric, name in names.items() if metric in found}
        row["own_test_accuracy"] = accuracy(*model.own_test) if model.own_test else np.nan
        harder = self.harder_than_own_test(model)
        row |= _named("harder", harder)
        if self.views > 1:
            row |= _named("gain_of_views", self.gain_of_views(model))
        if self.corrupted:
            mean = self.mean_over_corruptions(model)
            row["corrupted_accuracy"] = mean.mean if mean else np.nan
        return row

    def _balanced(self, model: EvaluatedModel) -> dict[str, float]:
        value, low, high, _ = self.balanced_accuracy(model)
        return {"balanced_accuracy": value, "balanced_accuracy_low": low, "balanced_accuracy_high": high}

    def _degradation(self, model: EvaluatedModel, first: EvaluatedModel, column: int) -> Degradation:
        assert model.right is not None and first.right is not None
        here, clean = model.right[:, column], correct_of(self.labels, model.probabilities)
        others = None if model is first else within_shares(difference_of(*map(sample, (here, first.right[:, column]))))
        return Degradation(
            model.name,
            *self.corrupted[column],
            accuracy_interval(here),
            within_shares(difference_of(sample(clean), sample(here))),
            others,
        )


def _named(name: str, interval: Interval | None) -> dict[str, float]:
    value, low, high, p = interval or (np.nan,) * 4
    return {name: value, f"{name}_low": low, f"{name}_high": high, f"{name}_p": p}
