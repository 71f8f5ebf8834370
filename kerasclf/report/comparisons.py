"""Comparisons of a study's experiments: differences with their intervals and significance, as numbers and sentences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasclf.report.changes import neighbours
from kerasclf.report.statistics import (
    CONFIDENCE,
    MAX_REPEATS,
    Interval,
    accuracy_interval,
    bootstrap_difference,
    holm,
    paired_difference,
    repeats_needed,
    selection_bias,
    share_interval,
)
from kerasclf.report.study_results import ExperimentResults, Run, StudyResults


@dataclass(frozen=True)
class Comparison:
    """The difference between two experiments in test accuracy or another metric.

    Args:
        name: Name of the experiment.
        other: Name of the experiment that it is compared with.
        repeats: Number of seeds that both experiments share.
        difference: Metric of `name` minus that of `other`, with interval and p-value. They come from the shared seeds
            (paired t-test), or from the test images (bootstrap, McNemar's test) if there is one shared seed.
        p_holm: p-value corrected for the number of comparisons in the table.
        needed: Repeats that show a difference of this size with a probability of 80 %, with the same correction; None
            if it is unknown.
        metric: Name of the compared metric.
    """

    name: str
    other: str
    repeats: int
    difference: Interval
    p_holm: float
    needed: int | None
    metric: str = "test_accuracy"

    @property
    def significant(self) -> bool:
        """Whether the corrected p-value is below 5 %."""
        return self.p_holm < 1 - CONFIDENCE

    @property
    def needed_text(self) -> str:
        """The number of repeats needed, for a table."""
        if self.needed is None:
            return "–"
        return str(self.needed) if self.needed <= MAX_REPEATS else f"over {MAX_REPEATS:,}"

    @property
    def basis(self) -> str:
        """The runs that the comparison is based on."""
        return f"{self.repeats} runs each" if self.repeats > 1 else "one run each, same test images"

    @property
    def sentence(self) -> str:
        """The result of the comparison, in one or two sentences."""
        if not self.repeats:
            return f"{self.name} and {self.other} cannot be compared: they share no seed."
        points, half = 100 * self.difference.value, 100 * self.difference.half_width
        if math.isnan(half):
            metric = self.metric.replace("_", " ")
            return f"One run each is not enough to compare the {metric} of {self.name} and {self.other}."
        if self.significant:
            direction = "better" if points > 0 else "worse"
            return (
                f"{self.name} is {direction} than {self.other} by {abs(points):.1f} points{self._metric_suffix} "
                f"({size_interval(self.difference)}, {self.basis})."
            )
        corrected = " after correction for multiple comparisons" if abs(points) > half else ""
        low, high = (signed(100 * end) for end in (self.difference.low, self.difference.high))
        return (
            f"{self.name} and {self.other} are not significantly different{corrected}: "
            f"{signed(points)} points{self._metric_suffix} (95 % interval {low} to {high}, {self.basis})."
            f"{' ' if self.advice else ''}{self.advice}"
        )

    @property
    def advice(self) -> str:
        """How many repeats would show the difference, as a sentence; empty if that is unknown."""
        if self.needed is None:
            return "Repeats with other seeds would give a clearer answer." if self.repeats == 1 else ""
        if self.needed > MAX_REPEATS:
            return f"More than {MAX_REPEATS:,} repeats would be needed to show this difference."
        return f"About {max(self.needed, self.repeats + 1)} repeats would be needed to show this difference."

    @property
    def _metric_suffix(self) -> str:
        """Names the metric if it is not test accuracy."""
        return "" if self.metric == "test_accuracy" else f" of {self.metric.replace('_', ' ')}"


def legend(repeats: int) -> str:
    """Returns an explanation of the columns of a table of comparisons, for runs with one or several seeds."""
    single = "McNemar's exact test on the same test images, bootstrap intervals; both ignore variation between seeds"
    test = "paired t-test over shared seeds" if repeats > 1 else single
    return (
        f"p: probability of a difference at least this large if both experiments are equally good ({test}). "
        "Corrected p: adjusted for the number of comparisons in the table (Holm); below 5 % the difference is "
        "statistically significant. The intervals are not corrected. Repeats needed: runs for an 80 % chance to show a "
        "difference of this size."
    )


def signed(points: float, decimals: int = 1) -> str:
    """Returns a difference in points with its sign, such as "+1.6" or "−0.4"."""
    return f"{points:+.{decimals}f}".replace("-", "−")


def size_interval(difference: Interval) -> str:
    """Returns the interval of a difference's size in points, whatever its sign, such as "95 % interval 6.9 to 9.3"."""
    ends = sorted((100 * end if difference.value > 0 else -100 * end) for end in (difference.low, difference.high))
    return "95 % interval " + " to ".join(f"{end:.1f}".replace("-", "−") for end in ends)


def accuracy_of(experiment: ExperimentResults) -> Interval:
    """Returns an experiment's mean test accuracy with its 95 % interval.

    The interval is Student's over the runs, or Wilson's over the test images of a single run.
    """
    if len(experiment.runs) > 1:
        return share_interval(experiment.values("test_accuracy"))
    run = experiment.runs[0]
    return accuracy_interval(run.probabilities.argmax(axis=1) == run.labels)


def against_base(results: StudyResults) -> list[Comparison]:
    """Compares every experiment with the study's first."""
    base, *others = results.experiments
    return corrected([compare(experiment, base, len(others)) for experiment in others])


def between_neighbours(results: StudyResults) -> list[Comparison]:
    """Compares every experiment with its neighbour, the most similar earlier experiment."""
    pairs = neighbours(results)
    return corrected([compare(experiment, before, len(pairs)) for experiment, before in pairs])


def selection_bias_of(results: StudyResults) -> float | None:
    """Returns how much choosing the best experiment on the test images overestimates its accuracy.

    The estimate uses the smallest seed that all experiments share. It is None for a single experiment, without such
    a seed, or with different test images.
    """
    shared = set.intersection(*({run.seed for run in e.runs} for e in results.experiments))
    if len(results.experiments) < 2 or not shared:
        return None
    seed = min(shared)
    first, *others = results.experiments
    if len(_correct(first, seed)) < 2 or not all(_same_images(first, other, seed) for other in others):
        return None
    return selection_bias(np.stack([_correct(e, seed) for e in results.experiments]))


def compare(
    one: ExperimentResults, other: ExperimentResults, comparisons: int, metric: str = "test_accuracy"
) -> Comparison:
    """Compares two experiments; pass all comparisons of a table to `corrected` afterwards.

    Args:
        one: An experiment.
        other: The experiment that it is compared with.
        comparisons: Number of comparisons in the table.
        metric: Name of a metric of the runs. With one run each, only test accuracy has an interval.
    """
    seeds = sorted({run.seed for run in one.runs} & {run.seed for run in other.runs})
    if not seeds:
        nothing = Interval(*[math.nan] * 4)
        return Comparison(one.name, other.name, 0, nothing, math.nan, None, metric)
    values, others = (_values(e, seeds, metric) for e in (one, other))
    if len(seeds) == 1:
        difference = Interval(float(values[0] - others[0]), math.nan, math.nan)
        if metric == "test_accuracy" and _same_images(one, other, seeds[0]):
            difference = bootstrap_difference(_correct(one, seeds[0]), _correct(other, seeds[0]))
        return Comparison(one.name, other.name, 1, difference, math.nan, None, metric)
    deviation = float(np.std(values - others, ddof=1))
    difference = paired_difference(values, others)
    # The strictest step of Holm's method: the difference stays significant after the correction.
    level = (1 - CONFIDENCE) / comparisons
    needed = repeats_needed(difference.value, deviation, level=level) if difference.value else MAX_REPEATS + 1
    return Comparison(one.name, other.name, len(seeds), difference, math.nan, needed, metric)


def corrected(comparisons: list[Comparison]) -> list[Comparison]:
    """Returns the comparisons of a table with their p-values corrected for their number."""
    p_values = holm([c.difference.p for c in comparisons])
    return [replace(c, p_holm=p) for c, p in zip(comparisons, p_values, strict=True)]


def _values(experiment: ExperimentResults, seeds: Sequence[int], metric: str) -> np.ndarray:
    by_seed = {run.seed: run.metrics[metric] for run in experiment.runs}
    return np.array([by_seed[seed] for seed in seeds], np.float64)


def _correct(experiment: ExperimentResults, seed: int) -> np.ndarray:
    run = _run_of(experiment, seed)
    correct: np.ndarray = run.probabilities.argmax(axis=1) == run.labels
    return correct


def _same_images(one: ExperimentResults, other: ExperimentResults, seed: int) -> bool:
    """Returns whether two experiments have test images with the same labels, and can be compared image by image."""
    return np.array_equal(_run_of(one, seed).labels, _run_of(other, seed).labels)


def _run_of(experiment: ExperimentResults, seed: int) -> Run:
    return next(run for run in experiment.runs if run.seed == seed)
