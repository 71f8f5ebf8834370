"""What flaws do: the figure that is reported with each, against the honest one of the corrected experiment."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kerasclf.report.comparisons import Comparison, compare, corrected
from kerasclf.report.study_results import ExperimentResults, StudyResults
from kerasclf.studies.study import Lesson

_IN_WORDS = {"test_accuracy": "test accuracy", "validation_accuracy": "validation accuracy"}


@dataclass(frozen=True)
class LessonResult:
    """What one flaw does to one figure.

    Args:
        name: The experiment with the flaw.
        lesson: What it teaches.
        reported: The figure with the flaw, mean over the seeds that both experiments share.
        honest: The same of the corrected experiment.
        comparison: Reported minus honest, paired by seed, corrected for the number of all such comparisons.
    """

    name: str
    lesson: Lesson
    reported: float
    honest: float
    comparison: Comparison

    @property
    def metric(self) -> str:
        """What is compared, in words."""
        return _IN_WORDS[self.comparison.metric]

    @property
    def leads(self) -> bool:
        """Whether this is the figure that the lesson is about; else it is the test accuracy beside it."""
        return self.comparison.metric == self.lesson.metric

    @property
    def effect(self) -> str:
        """What the flaw does to the figure, in a word."""
        if not self.comparison.real:
            return "nothing shown"
        watched = self.comparison.metric == "validation_accuracy"
        if self.comparison.difference.value < 0:
            return "understates" if watched else "lowers"
        return "flatters" if watched or self.lesson.leaks else "raises"

    @property
    def words(self) -> str:
        """What was found, as a sentence."""
        found = self.comparison
        points, half = 100 * found.difference.value, 100 * found.difference.half_width
        if not found.real:
            return found.words
        basis = f"n = {found.repeats}" if found.repeats > 1 else "one run each, over the test images"
        return (
            f"{self.name} {self.effect} the {self.metric} by {abs(points):.1f} ± {half:.1f} points: "
            f"{self.reported:.1%}, and {self.honest:.1%} without the flaw ({basis})."
        )


def lessons_of(results: StudyResults) -> list[LessonResult]:
    """Compares each experiment that has a flaw with its corrected one, in the study's order; none of other studies.

    In the figure of the lesson, and in the test accuracy where that is another.
    """
    by_name = {e.name: e for e in results.experiments}
    wanted = [
        (by_name[name], by_name[lesson.corrected], lesson, metric)
        for name, lesson in results.lessons.items()
        for metric in dict.fromkeys((lesson.metric, "test_accuracy"))
        if name in by_name and lesson.corrected in by_name
    ]
    found = corrected([compare(one, other, len(wanted), metric) for one, other, _, metric in wanted])
    return [
        LessonResult(one.name, lesson, *_means(one, other, metric), comparison)
        for (one, other, lesson, metric), comparison in zip(wanted, found, strict=True)
    ]


def summary_of(lesson_results: Sequence[LessonResult]) -> str:
    """Returns how many flaws were shown to change what is reported."""
    lesson_results = [one for one in lesson_results if one.leads]
    effects = {
        effect: [t.name for t in lesson_results if t.effect == effect]
        for effect in ("flatters", "raises", "lowers", "understates", "nothing shown")
    }
    unknown = effects.pop("nothing shown")
    shown = [f"{', '.join(names)} ({effect})" for effect, names in effects.items() if names]
    count = len(lesson_results) - len(unknown)
    start = f"Of {len(lesson_results)} flaws {count} can be shown to change what is reported"
    runs = max(t.comparison.repeats for t in lesson_results)
    basis = f"{runs} runs of each" if runs > 1 else "one run of each"
    end = f"; of {', '.join(unknown)} nothing can be shown with {basis}." if unknown else "."
    return f"{start}{': ' + '; '.join(shown) if shown else ''}{end}"


def _means(one: ExperimentResults, other: ExperimentResults, metric: str) -> tuple[float, float]:
    shared = {run.seed for run in one.runs} & {run.seed for run in other.runs}
    means = [[run.metrics[metric] for run in e.runs if run.seed in shared] for e in (one, other)]
    return (float(np.mean(means[0])), float(np.mean(means[1]))) if shared else (math.nan, math.nan)
