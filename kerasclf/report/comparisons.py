"""Which differences between a study's experiments are real, in numbers and in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kerasclf.report.changes import neighbours
from kerasclf.report.statistics import (
    CONFIDENCE,
    MOST_REPEATS,
    Interval,
    accuracy_interval,
    bootstrap_difference,
    holm,
    paired_difference,
    repeats_needed,
    selection_flatters,
    share_interval,
)
from kerasclf.report.study_results import ExperimentResults, StudyResults


@dataclass(frozen=True)
class Comparison:
    """One experiment's test accuracy, or another figure, against another's.

    Args:
        name: The experiment.
        other: What it is compared with.
        repeats: Seeds that both were run with.
        difference: Accuracy of the one minus that of the other, with interval and p-value: over the shared seeds
            (paired t-test) where there are several, over the test images (bootstrap, McNemar) where there is one.
        p_holm: The p-value corrected for the number of comparisons in its table.
        needed: Repeats that would show a difference as large as this one with 80 % chance, corrected for the number
            of comparisons; None where it is unknown.
        metric: What is compared.
    """

    name: str
    other: str
    repeats: int
    difference: Interval
    p_holm: float
    needed: int | None
    metric: str = "test_accuracy"

    @property
    def real(self) -> bool:
        """Whether the difference can be told from chance."""
        return self.p_holm < 1 - CONFIDENCE

    @property
    def needed_words(self) -> str:
        """The repeats needed, for a table."""
        if self.needed is None:
            return "–"
        return str(self.needed) if self.needed <= MOST_REPEATS else f"over {MOST_REPEATS:,}"

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        if not self.repeats:
            return f"{self.name} and {self.other} have no seed in common and are not compared."
        points, half = 100 * self.difference.value, 100 * self.difference.half_width
        if math.isnan(half):
            return f"{self.name} and {self.other}: one run each says nothing{self._of}; repeats would."
        basis = f"n = {self.repeats}" if self.repeats > 1 else "one run each, over the test images"
        if self.real:
            direction = "better" if points > 0 else "worse"
            amount = f"{abs(points):.1f} ± {half:.1f} points{self._of}"
            return f"{self.name} is {direction} than {self.other} by {amount} ({basis})."
        counted = " once all comparisons are counted" if abs(points) > half else ""
        sentence = (
            f"{self.name} and {self.other} are not distinguishable{counted}: "
            f"{points:+.1f} ± {half:.1f} points{self._of} ({basis})"
        )
        if self.needed is None:
            return f"{sentence}; repeats would say more." if self.repeats == 1 else f"{sentence}."
        if self.needed > MOST_REPEATS:
            return f"{sentence}; more than {MOST_REPEATS:,} repeats would be needed."
        return f"{sentence}; about {max(self.needed, self.repeats + 1)} repeats would be needed."

    @property
    def _of(self) -> str:
        """Names the figure where it is not the usual one."""
        return "" if self.metric == "test_accuracy" else f" of {self.metric.replace('_', ' ')}"


def accuracy_of(experiment: ExperimentResults) -> Interval:
    """Returns an experiment's mean test accuracy: with a t-interval over its runs, or Wilson's for a single run."""
    if len(experiment.runs) > 1:
        return share_interval(experiment.values("test_accuracy"))
    run = experiment.runs[0]
    return accuracy_interval(run.probabilities.argmax(axis=1) == run.labels)


def against_base(results: StudyResults) -> list[Comparison]:
    """Compares every experiment with the study's first."""
    base, *others = results.experiments
    return corrected([compare(experiment, base, len(others)) for experiment in others])


def between_neighbours(results: StudyResults) -> list[Comparison]:
    """Compares every experiment with its neighbour, the earlier one that is most like it."""
    pairs = neighbours(results)
    return corrected([compare(experiment, before, len(pairs)) for experiment, before in pairs])


def flattery(results: StudyResults) -> float | None:
    """Returns how much an experiment chosen on the test images is flattered; None for a single one.

    Estimated on the first seed that all experiments share.
    """
    shared = set.intersection(*({run.seed for run in e.runs} for e in results.experiments))
    if len(results.experiments) < 2 or not shared:
        return None
    seed = min(shared)
    return selection_flatters(np.stack([_right(e, seed) for e in results.experiments]))


def compare(
    one: ExperimentResults, other: ExperimentResults, comparisons: int, metric: str = "test_accuracy"
) -> Comparison:
    """Compares two experiments, one of so many comparisons; its p-value is still to be `corrected`.

    Args:
        one: An experiment.
        other: What it is compared with.
        comparisons: How many there are in the table.
        metric: Of the runs' metrics; only the test accuracy has an interval where there is one run each.
    """
    seeds = sorted({run.seed for run in one.runs} & {run.seed for run in other.runs})
    if not seeds:
        nothing = Interval(*[math.nan] * 4)
        return Comparison(one.name, other.name, 0, nothing, math.nan, None, metric)
    values, others = (_figures(e, seeds, metric) for e in (one, other))
    if len(seeds) == 1:
        difference = Interval(float(values[0] - others[0]), math.nan, math.nan)
        if metric == "test_accuracy":
            difference = bootstrap_difference(_right(one, seeds[0]), _right(other, seeds[0]))
        return Comparison(one.name, other.name, 1, difference, math.nan, None, metric)
    deviation = float(np.std(values - others, ddof=1))
    difference = paired_difference(values, others)
    # Holm's strictest step, so that the difference would outlast the correction.
    level = (1 - CONFIDENCE) / comparisons
    needed = repeats_needed(difference.value, deviation, level=level) if difference.value else MOST_REPEATS + 1
    return Comparison(one.name, other.name, len(seeds), difference, math.nan, needed, metric)


def corrected(comparisons: list[Comparison]) -> list[Comparison]:
    """Returns the comparisons of a table with their p-values corrected for their number."""
    p_values = holm([c.difference.p for c in comparisons])
    return [replace(c, p_holm=p) for c, p in zip(comparisons, p_values, strict=True)]


def _figures(experiment: ExperimentResults, seeds: Sequence[int], metric: str) -> np.ndarray:
    by_seed = {run.seed: run.metrics[metric] for run in experiment.runs}
    return np.array([by_seed[seed] for seed in seeds], np.float64)


def _right(experiment: ExperimentResults, seed: int) -> np.ndarray:
    run = next(run for run in experiment.runs if run.seed == seed)
    right: np.ndarray = run.probabilities.argmax(axis=1) == run.labels
    return right
