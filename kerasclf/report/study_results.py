"""The results of a study: its experiments with their finished runs, and the limits of what they say."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.finished_run import Run
from kerasclf.report.imbalance import Imbalance, imbalance_of
from kerasclf.report.statistics.random_effects import Sample, borrow
from kerasclf.report.statistics.sequential import strictness
from kerasclf.search.time_budget.budget_record import BudgetRecord
from kerasclf.studies.explanations import Explanations
from kerasclf.studies.refit import Refit
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_folder import StudyContents

# The largest difference in accuracy that counts as none, unless the study states another.
MARGIN = 0.02


@dataclass(frozen=True)
class StudyResults:
    """A study with the results of its experiments; experiments without a finished run are left out.

    Args:
        study: The contents of study.json.
        experiments: The experiments.
        refit: The final model that was trained on all images; None if there is none.
        explanations: Heat maps and nearest training images of a run; None if there are none.
        budget: What was tried within a time budget; None without one.
        failures: Why runs failed, by experiment and seed in words.
    """

    study: StudyContents
    experiments: tuple[ExperimentResults, ...]
    refit: Refit | None = None
    explanations: Explanations | None = None
    budget: BudgetRecord | None = None
    failures: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<StudyResults {self.study['name']!r}: {', '.join(e.name for e in self.experiments)}>"

    @property
    def first_run(self) -> Run:
        """The first run of the first experiment."""
        return self.experiments[0].runs[0]

    @property
    def all_runs(self) -> tuple[Run, ...]:
        """The runs of all experiments."""
        return tuple(run for experiment in self.experiments for run in experiment.runs)

    @property
    def data_title(self) -> str:
        """The title of the data set."""
        return str(self.first_run.description["data"]["title"])

    @property
    def margin(self) -> float:
        """The largest difference in accuracy that counts as none."""
        return float(self.study.get("margin", MARGIN))

    @property
    def looks(self) -> tuple[int, ...]:
        """Planned numbers of runs after which the study looks at its results; empty for a single look at the end."""
        return tuple(self.study.get("looks", ()))

    @property
    def runs(self) -> int:
        """Number of runs of the experiment that has most."""
        return max(len(e.runs) for e in self.experiments)

    @property
    def splits(self) -> int:
        """Number of splits of the images that the study declares."""
        return int(self.study.get("splits", 1))

    @cached_property
    def strictness(self) -> float:
        """Factor of the p-values, for a study that is looked at several times (see `sequential`)."""
        return strictness(self.looks, self.runs)

    def part(self, names: Collection[str], seeds: Collection[int]) -> "StudyResults":
        """Returns the results of some experiments and seeds alone."""
        kept = [
            replace(e, runs=tuple(run for run in e.runs if run.seed in seeds))
            for e in self.experiments
            if e.name in names
        ]
        return replace(self, experiments=tuple(e for e in kept if e.runs))

    @cached_property
    def imbalance(self) -> Imbalance | None:
        """The imbalance of the test images; None if no class has more than three times the images of another."""
        return imbalance_of(self.first_run.labels, self.first_run.class_names)

    @property
    def leading_metric(self) -> str:
        """The metric that tables and figures show first."""
        return "test_balanced_accuracy" if self.imbalance else "test_accuracy"

    @property
    def chance(self) -> float | None:
        """The share of the most common class, which a constant prediction reaches; None if runs differ in it."""
        found = {float(np.bincount(run.labels).max() / len(run.labels)) for run in self.all_runs}
        return found.pop() if len(found) == 1 else None

    @cached_property
    def samples(self) -> dict[str, Sample]:
        """The test accuracy of each experiment, for intervals. A single run borrows the others' variance over seeds."""
        return dict(
            zip([e.name for e in self.experiments], borrow([e.sample() for e in self.experiments]), strict=True)
        )

    @property
    def size(self) -> str:
        """`"quick"`; `"reduced"`, also by limits of the user's own; or `"full"`."""
        if self.study["size"] == "full" and self.study["reductions"]:
            return "reduced"
        return str(self.study["size"])

    @property
    def comparable(self) -> bool:
        """Whether the results can be compared with the published figures: same data, all of it, and same weights."""
        return (
            self.size == "full"
            and not self.study.get("backbones")
            and all(
                self.is_same_data(run)
                and experiment.image_size in (None, self._published_size)
                and experiment.fit == "squash"
                and experiment.split.train_per_class is None
                and experiment.split.test_per_class is None
                and (experiment.transfer is None or experiment.transfer.weights == "imagenet")
                for experiment, run in ((e.experiment, run) for e in self.experiments for run in e.runs)
            )
        )

    def is_same_data(self, run: Run) -> bool:
        """Returns whether the images of a run come from the published data set."""
        known, published = run.known_as, self.study["published_data"]
        return known == published or (published == "birds" and known is not None and known.startswith("birds:"))

    @property
    def _published_size(self) -> tuple[int, int] | None:
        size = self.study.get("published_image_size")
        return (size[0], size[1]) if size else None

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

    @property
    def choice(self) -> str:
        """The name of the chosen experiment; empty if the study compares none, because they are folds, for example."""
        return "" if self.study.get("compare") == [] else self.chosen.name
