"""The results of a study: its experiments with their finished runs, and the limits of what they say."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

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
from kerasclf.wording import counted, in_words

_REDUCED = "The study was reduced: {}."
_OTHER_NETWORKS = "The study ran with the pretrained {} instead of its own {}."
_QUICK = "This is the quick size: few images and two epochs. It tests the workflow; its results mean nothing."
RANDOM_WEIGHTS = (
    "The networks started from random weights (--weights none), not from pretrained weights. Their frozen layers have "
    "not learnt anything: the results show the workflow and its cost, not the benefit of transfer learning."
)


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

    study: dict[str, Any]
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

    @property
    def splits_note(self) -> str:
        """How many splits of the images the runs have, and what that means for the intervals."""
        made = max(len(e.by_split) for e in self.experiments)
        if made == 1:
            return "All runs have one split of the images."
        start = f"On {made} splits of the images"
        means = "The runs on one split count as one, with their mean."
        if all(e.test_images is not None for e in self.experiments):
            return f"{start}: the validation set is drawn anew for each, and the test images are the same. {means}"
        return (
            f"{start}, each with its own test set. {means} Their training sets overlap, for which the intervals are "
            "widened (Nadeau and Bengio 2003)."
        )

    @property
    def groups_note(self) -> str:
        """How many groups the test images have, and what that means for the intervals; empty without groups."""
        groups = self.experiments[0].runs[0].groups
        if groups is None:
            return ""
        return (
            f"The {len(groups):,} test images are of {groups.max() + 1:,} groups, none of which is in another set. The "
            "intervals are over groups like these, because the images of a group are alike."
        )

    @property
    def shared_note(self) -> str:
        """What the runs took together if some shared their first epochs; empty if none did."""
        metrics = [run.metrics for run in self.all_runs]
        shared = sum("seconds_taken" in run for run in metrics)
        if not shared:
            return ""
        alone = sum(run["seconds"] for run in metrics)
        taken = sum(run.get("seconds_taken", run["seconds"]) for run in metrics)
        return (
            f"Seconds are those of a run alone. {counted(shared, 'run')} took epochs from other runs, which train "
            f"alike up to there: all runs together took {taken:,.0f} s instead of {alone:,.0f} s."
        )

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
            and not self._networks_note
            and all(
                self._is_same_data(run)
                and experiment.image_size in (None, self._published_size)
                and experiment.fit == "squash"
                and experiment.split.train_per_class is None
                and experiment.split.test_per_class is None
                and (experiment.transfer is None or experiment.transfer.weights == "imagenet")
                for experiment, run in ((e.experiment, run) for e in self.experiments for run in e.runs)
            )
        )

    @property
    def caution(self) -> str:
        """Sentences on the limits of the results, or the empty string."""
        if self.size == "quick":
            found = [_QUICK, self._networks_note, *self._weights_note, self._missing_note]
        else:
            found = [self._networks_note, self._reduction_note, self._data_note, self._missing_note]
        return " ".join(filter(None, found))

    @property
    def _missing_note(self) -> str:
        """Sentences on the runs of the study that are not finished, or the empty string."""
        planned, finished = len(self.study["seeds"]), {e.name: len(e.runs) for e in self.experiments}
        absent = [name for name in self.study["experiments"] if not finished.get(name)]
        missing = {name: planned - count for name, count in finished.items() if count < planned}
        notes = [f"No run of {in_words(absent)} is finished."] if absent else []
        if missing:
            of = in_words([f"{counted(count, 'run')} of {name}" for name, count in missing.items()])
            are = "is" if sum(missing.values()) == 1 else "are"
            begun = counted(planned * len(finished), "run")
            notes.append(
                f"Of {'the other ' if absent else ''}{begun}, {sum(missing.values())} {are} not finished: {of}."
            )
        notes += [f"The run of {which} failed and counts in no result. {why}" for which, why in self.failures.items()]
        return " ".join(notes)

    @property
    def _networks_note(self) -> str:
        networks = self.study.get("backbones")
        if not networks:
            return ""
        return _OTHER_NETWORKS.format(in_words(networks), in_words(self.study["own_backbones"]))

    @property
    def _reduction_note(self) -> str:
        reductions = self.study["reductions"]
        return _REDUCED.format("; ".join(reductions)) if reductions else ""

    @property
    def _data_note(self) -> str:
        """Sentences on why the published figures are not comparable, or the empty string if they are."""
        if not self.study["published"] or self.comparable:
            return " ".join(self._weights_note)
        source = self.study["published_data"].replace("folder", "the author's own images")
        same_data = self._is_same_data(self.first_run)
        notes = [*self._weights_note, *self._fit_note]
        if same_data and (notes or self._reduction_note or self._networks_note):
            return " ".join([*notes, "The published figures are not comparable."])
        all_of = "all of " if same_data else ""
        return " ".join(
            [
                f"The results are measured on {self.data_title}. The published figures were measured on "
                f"{all_of}{source} and are not comparable.",
                *notes,
            ]
        )

    def _is_same_data(self, run: Run) -> bool:
        """Returns whether the images of a run come from the published data set."""
        known, published = run.known_as, self.study["published_data"]
        return known == published or (published == "birds" and known is not None and known.startswith("birds:"))

    @property
    def _weights_note(self) -> list[str]:
        """A sentence if a network that is usually pretrained started from random weights."""
        weights = [e.experiment.transfer.weights for e in self.experiments if e.experiment.transfer]
        return [RANDOM_WEIGHTS] if "none" in weights else []

    @property
    def _fit_note(self) -> list[str]:
        """A sentence if images keep their aspect ratio. Those of the declared studies do not."""
        fits = sorted({e.experiment.fit for e in self.experiments} - {"squash"})
        return (
            [f"The images keep their aspect ratio (fit {in_words(fits)}), unlike those of the study."] if fits else []
        )

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

    @property
    def choice(self) -> str:
        """The name of the chosen experiment; empty if the study compares none, because they are folds, for example."""
        return "" if self.study.get("compare") == [] else self.chosen.name
