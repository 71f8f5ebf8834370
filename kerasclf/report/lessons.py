"""The effect of flaws: the metric reported with each flaw, compared with that of the corrected experiment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasclf.report.comparisons import Comparison, compare_in_pairs, corrected
from kerasclf.report.difference_text import points_and_ends, size, size_interval
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.inside_runs import compare_best_validation, compare_leaked
from kerasclf.report.study_results import StudyResults
from kerasclf.studies.study import Lesson
from kerasclf.wording import counted

# Metrics that are compared inside each run → reason if that is impossible.
INSIDE_RUNS = {
    "leaked_accuracy": "too few test images leak, or no run has a corrected one of its seed and test images",
    "choosing_accuracy": "too few test images choose the epoch, or no run has a corrected one of its seed and images",
    "best_validation_accuracy": "the runs have too few validation or test images",
}
_METRIC_NAMES = {
    "test_accuracy": "test accuracy",
    "validation_accuracy": "validation accuracy",
    "leaked_accuracy": "accuracy on leaked test images",
    "choosing_accuracy": "accuracy on the images that choose the epoch",
    "best_validation_accuracy": "reported accuracy",
}
# Further metrics in which a flaw is compared, by the metric of its lesson.
_ALSO = {"validation_accuracy": ("test_accuracy",), "leaked_accuracy": ("test_accuracy",)}
_NOT_SIGNIFICANT = "not significant"
_NO_VERDICT = "no verdict"

LESSON_LEGEND = (
    "Accuracy on leaked test images, or on those that choose the epoch: its value without the flaw is that of the same "
    "run on the other test images. The corrected run of the same seed corrects for their difficulty. Reported "
    "accuracy: the best validation accuracy over all epochs; without the flaw, the test accuracy of the same run."
)


@dataclass(frozen=True)
class LessonResult:
    """The effect of one flaw on one metric.

    Args:
        name: Name of the flaw, mostly that of its experiment.
        lesson: The lesson that the flaw teaches.
        flawed_value: Metric with the flaw, mean over its runs.
        corrected_value: The same without the flaw.
        comparison: Flawed minus corrected value, paired by seed. Those in the lessons' own metrics are corrected for
            their number, as one family.
        note: What the flaw changes besides, as a sentence; often empty.
    """

    name: str
    lesson: Lesson
    flawed_value: float
    corrected_value: float
    comparison: Comparison
    note: str = ""

    @property
    def metric_name(self) -> str:
        """Name of the compared metric, as text."""
        return _METRIC_NAMES[self.comparison.metric]

    @property
    def is_main(self) -> bool:
        """Whether this is the metric that the lesson is about; otherwise it is the additional test accuracy."""
        return self.comparison.metric == self.lesson.metric

    @property
    def is_inside(self) -> bool:
        """Whether the comparison is made inside each run."""
        return self.comparison.metric in INSIDE_RUNS

    @property
    def effect(self) -> str:
        """The effect of the flaw on the metric, in a word or two. Additional metrics and single runs get no verdict."""
        if not self.is_main or self.comparison.verdict == "none":
            return _NO_VERDICT
        if not self.comparison.significant:
            return _NOT_SIGNIFICANT
        reported = self.is_inside or self.comparison.metric == "validation_accuracy"
        if self.comparison.difference.value < 0:
            return "understates" if reported else "lowers"
        return "inflates" if reported or self.lesson.leaks else "raises"

    @property
    def sentence(self) -> str:
        """The effect of the flaw in sentences."""
        return f"{self._main_sentence} {self.note}".rstrip()

    @property
    def _main_sentence(self) -> str:
        comparison = self.comparison
        if not self.is_main:
            return self._besides
        if not comparison.significant:
            return self._without_effect if self.is_inside else comparison.sentence
        return (
            f"{self.name} {self.effect} the {self.metric_name} by {size(comparison.difference)} points "
            f"({size_interval(comparison.difference)}, {comparison.basis_text}): {self._values}."
        )

    @property
    def _besides(self) -> str:
        """The difference in an additional metric, without a verdict."""
        if self.comparison.basis == "nothing":
            return self.comparison.sentence
        return f"The {self.metric_name} of {self.name} changes by {points_and_ends(self.comparison.difference)}."

    @property
    def _values(self) -> str:
        return f"{self.flawed_value:.1%} with the flaw, {self.corrected_value:.1%} without it"

    @property
    def _without_effect(self) -> str:
        """The result of a comparison inside runs that shows no effect, in sentences."""
        comparison = self.comparison
        if comparison.basis == "nothing":
            return f"The effect of {self.name} cannot be concluded: {INSIDE_RUNS[comparison.metric]}."
        if comparison.verdict == "equal":
            return f"{self.name} changes the {self.metric_name} by less than {comparison.margin_text}."
        found = points_and_ends(comparison.difference, f" of {self.metric_name}")
        if comparison.verdict == "none":
            return f"{self.name}: {found} in a single run, which says nothing of other seeds."
        return f"{self.name} has no significant effect{comparison.correction}: {found}. {comparison.reach}"


def lessons_of(results: StudyResults) -> list[LessonResult]:
    """Compares each flaw with its corrected experiment, in the study's order.

    Each is compared in the metric of its lesson. The test accuracy is added for a flaw that leaks test images into the
    training, or that is about the validation accuracy; it gets no verdict. A study without lessons gives an empty list.
    """
    by_name = {e.name: e for e in results.experiments}
    found = []
    for name, lesson in results.lessons.items():
        other = by_name.get(lesson.corrected)
        one = other if lesson.is_of_report else by_name.get(name)
        if one is None or other is None:
            continue
        for metric in (lesson.metric, *_ALSO.get(lesson.metric, ())):
            values = _compare(name, (one, other), metric, results.margin)
            found.append(LessonResult(name, lesson, *values, note=_note(one) if metric == lesson.metric else ""))
    compared = iter(corrected([one.comparison for one in found if one.is_main], results.strictness))
    return [replace(one, comparison=next(compared)) if one.is_main else one for one in found]


def _compare(
    name: str, pair: tuple[ExperimentResults, ExperimentResults], metric: str, margin: float
) -> tuple[float, float, Comparison]:
    """Returns the metric with the flaw, without it, and the comparison of both."""
    one, other = pair
    if metric == "best_validation_accuracy":
        return compare_best_validation(name, one, metric, margin)
    if metric in INSIDE_RUNS:
        return compare_leaked(one, other, metric, margin)
    return _mean(one, metric), _mean(other, metric), compare_in_pairs(one, other, metric, margin)


def _note(experiment: ExperimentResults) -> str:
    """Returns by how much the statistics of the normalisation change, if the runs of a flaw say so."""
    means, deviations = (experiment.values(f"{name}_shift") for name in ("mean", "deviation"))
    if np.isnan(means).any() or np.isnan(deviations).any():
        return ""
    return (
        f"It changes the mean of a channel by at most {means.max():.2f} grey levels and its standard deviation by at "
        f"most {deviations.max():.2f}."
    )


def summary_of(lesson_results: Sequence[LessonResult]) -> str:
    """Returns how many flaws have a significant effect, and which, in up to three sentences. A single flaw has one."""
    lesson_results = [one for one in lesson_results if one.is_main]
    effects = {
        effect: [one.name for one in lesson_results if one.effect == effect]
        for effect in ("inflates", "raises", "lowers", "understates", _NOT_SIGNIFICANT, _NO_VERDICT)
    }
    unclear, unknown = effects.pop(_NOT_SIGNIFICANT), effects.pop(_NO_VERDICT)
    significant = [f"{', '.join(names)} ({effect})" for effect, names in effects.items() if names]
    total = len(lesson_results)
    count = total - len(unclear) - len(unknown)
    sentences = []
    if count or total > 1:
        which = "The flaw" if total == 1 else f"{count} of {total} flaws"
        change = f"significantly change{'s' * (count == 1)} the reported accuracy"
        sentences.append(f"{which} {change}{_list(significant)}.")
    if unclear:
        runs = max(max(one.comparison.runs) for one in lesson_results)
        sentences.append(f"With {counted(runs, 'run')} each, no significant effect is found for {', '.join(unclear)}.")
    if unknown:
        sentences.append(f"The runs allow no verdict on {', '.join(unknown)}.")
    return " ".join(sentences)


def _list(items: Sequence[str]) -> str:
    return f": {'; '.join(items)}" if items else ""


def _mean(experiment: ExperimentResults, metric: str) -> float:
    return float(experiment.values(metric).mean())
