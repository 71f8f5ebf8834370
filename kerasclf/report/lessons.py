"""The effect of flaws: the metric reported with each flaw, compared with that of the corrected experiment."""

from collections.abc import Sequence
from dataclasses import dataclass

from kerasclf.report.comparisons import Comparison, compare_in_pairs, corrected, size_interval
from kerasclf.report.study_results import ExperimentResults, StudyResults
from kerasclf.studies.study import Lesson

_METRIC_NAMES = {"test_accuracy": "test accuracy", "validation_accuracy": "validation accuracy"}
_NOT_SIGNIFICANT = "not significant"


@dataclass(frozen=True)
class LessonResult:
    """The effect of one flaw on one metric.

    Args:
        name: Name of the experiment with the flaw.
        lesson: The lesson that the flaw teaches.
        flawed_value: Metric with the flaw, mean over its runs.
        corrected_value: The same metric of the corrected experiment.
        comparison: Flawed minus corrected value, paired by seed, corrected for the number of all such comparisons.
    """

    name: str
    lesson: Lesson
    flawed_value: float
    corrected_value: float
    comparison: Comparison

    @property
    def metric_name(self) -> str:
        """Name of the compared metric, as text."""
        return _METRIC_NAMES[self.comparison.metric]

    @property
    def is_main(self) -> bool:
        """Whether this is the metric that the lesson is about; otherwise it is the additional test accuracy."""
        return self.comparison.metric == self.lesson.metric

    @property
    def effect(self) -> str:
        """The effect of the flaw on the metric, as one word."""
        if self.comparison.verdict not in ("better", "worse"):
            return _NOT_SIGNIFICANT
        on_validation = self.comparison.metric == "validation_accuracy"
        if self.comparison.difference.value < 0:
            return "understates" if on_validation else "lowers"
        return "inflates" if on_validation or self.lesson.leaks else "raises"

    @property
    def sentence(self) -> str:
        """The effect of the flaw as a sentence."""
        comparison = self.comparison
        if comparison.verdict not in ("better", "worse"):
            return comparison.sentence
        points = 100 * comparison.difference.value
        return (
            f"{self.name} {self.effect} the {self.metric_name} by {abs(points):.1f} points "
            f"({size_interval(comparison.difference)}, {comparison.basis_text}): "
            f"{self.flawed_value:.1%} with the flaw, {self.corrected_value:.1%} without it."
        )


def lessons_of(results: StudyResults) -> list[LessonResult]:
    """Compares each experiment that has a flaw with its corrected one, in the study's order.

    Each is compared in the metric of its lesson, and also in test accuracy if that is another metric. A study without
    lessons gives an empty list.
    """
    by_name = {e.name: e for e in results.experiments}
    pairs = [
        (by_name[name], by_name[lesson.corrected], lesson, metric)
        for name, lesson in results.lessons.items()
        for metric in dict.fromkeys((lesson.metric, "test_accuracy"))
        if name in by_name and lesson.corrected in by_name
    ]
    comparisons = corrected([compare_in_pairs(one, other, metric) for one, other, _, metric in pairs])
    return [
        LessonResult(one.name, lesson, _mean(one, metric), _mean(other, metric), comparison)
        for (one, other, lesson, metric), comparison in zip(pairs, comparisons, strict=True)
    ]


def summary_of(lesson_results: Sequence[LessonResult]) -> str:
    """Returns how many flaws have a significant effect, and which, in one or two sentences."""
    lesson_results = [one for one in lesson_results if one.is_main]
    effects = {
        effect: [one.name for one in lesson_results if one.effect == effect]
        for effect in ("inflates", "raises", "lowers", "understates", _NOT_SIGNIFICANT)
    }
    unclear = effects.pop(_NOT_SIGNIFICANT)
    significant = [f"{', '.join(names)} ({effect})" for effect, names in effects.items() if names]
    count = len(lesson_results) - len(unclear)
    start = f"{count} of {len(lesson_results)} flaws significantly change the reported accuracy"
    runs = max(max(one.comparison.runs) for one in lesson_results)
    basis = f"{runs} runs" if runs > 1 else "one run"
    end = f" With {basis} each, no significant effect is found for {', '.join(unclear)}." if unclear else ""
    return f"{start}{': ' + '; '.join(significant) if significant else ''}.{end}"


def _mean(experiment: ExperimentResults, metric: str) -> float:
    return float(experiment.values(metric).mean())
