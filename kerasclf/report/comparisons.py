"""Comparisons of a study's experiments: differences with their intervals and verdicts, as numbers and sentences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from kerasclf.report.contrasts import contrasts
from kerasclf.report.difference_text import p_text, points_and_ends, size, size_interval
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.statistics.intervals import CONFIDENCE, UNKNOWN, Interval, holm
from kerasclf.report.statistics.random_effects import (
    Sample,
    detectable,
    difference_of,
    equivalence,
    error_of,
    reach,
    summarise_scores,
    summarise_values,
)
from kerasclf.report.study_results import MARGIN, StudyResults
from kerasclf.wording import counted

Verdict = Literal["better", "worse", "equal", "open", "none"]
Basis = Literal["repeated", "borrowed", "networks", "seeds", "splits", "nothing"]
_TOO_FEW = {
    False: "This study has too few runs to find a difference of any size.",
    True: "This study has too few test images to find a difference of any size.",
}


@dataclass(frozen=True)
class Comparison:
    """The difference between two experiments in test accuracy or another metric from 0 to 1.

    Args:
        name: Name of the experiment.
        other: Name of the experiment that it is compared with.
        runs: Numbers of runs of both.
        images: Number of test images, also if they are in groups; 0 if only the runs' metrics are known.
        basis: Source of the variance over seeds: `"repeated"` runs of both; `"borrowed"` from the other experiments;
            `"networks"` if it is unknown, so that two networks are compared and not their experiments; `"seeds"` for
            a metric without scores of single images; `"splits"` for pairs of runs on splits of the images that have
            different test sets; `"nothing"` if the comparison is impossible.
        difference: Metric of `name` minus that of `other`, with its interval over seeds and images like these.
        these_images: The same with its interval over seeds alone, on these test images.
        detectable: Smallest difference that such runs find in four of five studies.
        limit: Smallest difference that endless runs find; only more test images lower it.
        margin: Largest difference that counts as none.
        equal_p: p-value of the hypothesis that the difference is at least the margin, corrected as `p_holm` is.
        p_holm: p-value of the hypothesis that there is no difference, corrected for the number of comparisons.
        metric: Name of the compared metric.
        splits: Number of splits of the images.
        reason: Why the comparison is impossible; empty if it is not.
    """

    name: str
    other: str
    runs: tuple[int, int]
    images: int
    basis: Basis
    difference: Interval
    these_images: Interval
    detectable: float = math.nan
    limit: float = math.nan
    margin: float = MARGIN
    equal_p: float = math.nan
    p_holm: float = math.nan
    metric: str = "test_accuracy"
    splits: int = 1
    reason: str = ""

    @property
    def significant(self) -> bool:
        """Whether the experiments differ significantly. Two networks may, which says nothing of their experiments."""
        return self.verdict in ("better", "worse")

    @property
    def verdict(self) -> Verdict:
        """The verdict on the two experiments; `"none"` if each has one run, and no others show how seeds vary."""
        if self.basis in ("nothing", "networks") or math.isnan(self.p_holm):
            return "none"
        if self._is_small(self.p_holm):
            return "better" if self.difference.value > 0 else "worse"
        return "equal" if self.equal_p < 1 - CONFIDENCE else "open"

    @property
    def verdict_text(self) -> str:
        """The verdict for a table."""
        return {"open": "cannot be told apart", "none": "no verdict"}.get(self.verdict, self.verdict)

    @property
    def basis_text(self) -> str:
        """The runs that the comparison is based on."""
        one, other = self.runs
        runs = f"{counted(one, 'run')} each" if one == other else f"{one} and {other} runs"
        if self.basis == "splits":
            return f"over {self.splits} splits of the images, {runs}"
        if self.basis == "seeds":
            return f"over seeds, {runs}"
        seeds = "seeds and test images" if self.splits == 1 else f"{self.splits} splits, seeds and test images"
        return f"over {seeds}, {runs}{', seeds as in the other experiments' * (self.basis == 'borrowed')}"

    @property
    def sentence(self) -> str:
        """The result of the comparison, in one or two sentences."""
        if self.basis == "nothing":
            return f"{self.name} and {self.other} cannot be compared: {self.reason}."
        if self.basis == "networks":
            return self._of_networks
        if self.significant:
            return (
                f"{self.name} is {self.verdict} than {self.other} by {size(self.difference)} points"
                f"{self._metric_suffix} ({size_interval(self.difference)}, {self.basis_text})."
            )
        if self.verdict == "equal":
            apart = f"differ by less than {self.margin_text}{self._metric_suffix}"
            return f"{self.name} and {self.other} {apart} (p = {p_text(self.equal_p)}).".replace("= <", "< ")
        if self.verdict == "none":
            metric = self.metric.replace("_", " ")
            return f"One run each is not enough to compare the {metric} of {self.name} and {self.other}."
        return (
            f"{self.name} and {self.other} cannot be told apart{self.correction}: "
            f"{points_and_ends(self.difference, self._metric_suffix)}. {self.reach}"
        )

    @property
    def margin_text(self) -> str:
        """The margin in points."""
        return f"{100 * self.margin:g} point{'s' * (self.margin != 0.01)}"

    @property
    def reach(self) -> str:
        """The difference that such a study would find, and what would help, as a sentence."""
        if self.detectable >= 1:
            return _TOO_FEW[self.limit >= 1]
        found = f"This study would find {100 * self.detectable:.1f} points or more in four of five cases"
        if self.basis == "splits":
            return f"{found}; below {100 * self.limit:.1f}, more images are needed, not more splits."
        more = "more runs" if self.splits == 1 else "more splits"
        if not self.images or self.limit < 0.0005:
            return f"{found}; {more} lower this."
        return f"{found}; below {100 * self.limit:.1f}, more test images are needed, not {more}."

    @property
    def _of_networks(self) -> str:
        here = "On this single image" if self.images == 1 else f"On these {self.images:,} images"
        these, end = f"{here} this network of {self.name}", "One run each says nothing of other seeds."
        if not self._is_small(self.p_holm):
            apart = f"and this one of {self.other} cannot be told apart{self.correction}"
            return f"{these} {apart}: {points_and_ends(self.difference)}. {end}"
        better = "better" if self.difference.value > 0 else "worse"
        ends = size_interval(self.difference).removeprefix("95 % interval ")
        return f"{these} does {better} than this one of {self.other} by {size(self.difference)} points ({ends}). {end}"

    @property
    def correction(self) -> str:
        """Words for a difference whose own interval does not contain 0, although it is not significant."""
        alone = self.difference.low > 0 or self.difference.high < 0
        return " after correction for several comparisons" if alone else ""

    @staticmethod
    def _is_small(p: float) -> bool:
        return p < 1 - CONFIDENCE

    @property
    def _metric_suffix(self) -> str:
        """Names the metric if it is not test accuracy."""
        return "" if self.metric == "test_accuracy" else f" of {self.metric.replace('_', ' ')}"


def compare_contrasts(results: StudyResults) -> list[Comparison]:
    """Compares the pairs of experiments that the study is about (see `contrasts`), with corrected p-values."""
    compared = [compare(results, one, other, results.margin) for one, other in contrasts(results)]
    return corrected(compared, results.strictness)


def compare(
    results: StudyResults, one: ExperimentResults, other: ExperimentResults, margin: float = MARGIN
) -> Comparison:
    """Compares two experiments in test accuracy; pass all comparisons of a study to `corrected` afterwards.

    Args:
        results: The study.
        one: An experiment.
        other: The experiment that it is compared with.
        margin: Largest difference that counts as none.
    """
    runs = len(one.runs), len(other.runs)
    if one.runs[0].class_names != other.runs[0].class_names:
        return impossible((one.name, other.name), runs, "their classes differ")
    if one.test_images is None or one.test_images != other.test_images:
        return _compare_on_splits(one, other, margin)
    samples = results.samples[one.name], results.samples[other.name]
    splits = min(len(e.by_split) for e in (one, other))
    compared = compare_samples((one.name, other.name), runs, samples, margin)
    return replace(compared, images=len(one.runs[0].labels), splits=splits)


def _compare_on_splits(one: ExperimentResults, other: ExperimentResults, margin: float) -> Comparison:
    """Compares two experiments on splits of the images that have different test sets, split by split.

    The variance of a difference has a part that no further split lowers, as all splits share their images (Nadeau &
    Bengio 2003).
    """
    names, pairs = (one.name, other.name), [(runs, other.by_split.get(key, ())) for key, runs in one.by_split.items()]
    pairs = [pair for pair in pairs if all(pair)]
    if len(pairs) < 2:
        return impossible(names, (len(one.runs), len(other.runs)), "their test images differ")
    accuracies = np.array([[np.mean([run.correct.mean() for run in runs]) for runs in pair] for pair in pairs])
    sample = summarise_values(accuracies[:, 0] - accuracies[:, 1], one.runs[0].images["test"], one.overlap)
    runs = tuple(sum(map(len, side)) for side in zip(*pairs, strict=True))
    compared = compare_samples(names, (runs[0], runs[1]), (sample,), margin)
    error = error_of(sample)
    lasting = error.variance * one.overlap / (1 / len(pairs) + one.overlap)
    limit = reach(error._replace(images=lasting))[1] if lasting else compared.limit
    return replace(compared, basis="splits", images=0, these_images=UNKNOWN, limit=limit, splits=len(pairs))


def impossible(names: tuple[str, str], runs: tuple[int, int], reason: str, metric: str = "test_accuracy") -> Comparison:
    """Returns a comparison of two experiments that cannot be made, for a reason such as "their classes differ"."""
    return Comparison(*names, runs, 0, "nothing", UNKNOWN, UNKNOWN, metric=metric, reason=reason)


def compare_in_pairs(one: ExperimentResults, other: ExperimentResults, metric: str, margin: float) -> Comparison:
    """Compares two experiments by the differences between their runs of the same seed.

    Args:
        one: An experiment.
        other: The experiment that it is compared with. Runs of one seed should differ in nothing but the setting.
        metric: `"test_accuracy"`, or a share of which only the runs' values are known, such as validation accuracy.
        margin: Largest difference that counts as none.
    """
    pairs = [(run, before) for run in one.runs for before in other.runs if run.seed == before.seed]
    names, runs = (one.name, other.name), (len(pairs), len(pairs))
    if not pairs:
        return impossible(names, runs, "they share no seed", metric)
    if metric != "test_accuracy" or any(run.test_images != before.test_images for run, before in pairs):
        values = np.array([run.metrics[metric] - before.metrics[metric] for run, before in pairs])
        if len(pairs) < 2:
            difference = UNKNOWN._replace(value=float(values[0]))
            return Comparison(*names, runs, 0, "seeds", difference, difference, margin=margin, metric=metric)
        compared = compare_samples(names, runs, (summarise_values(values, pairs[0][0].images["validation"]),), margin)
        return replace(compared, basis="seeds", images=0, metric=metric)
    gains = np.stack([run.correct * 1.0 - before.correct for run, before in pairs])
    compared = compare_samples(names, runs, (summarise_scores(gains, one.groups),), margin)
    return replace(compared, images=gains.shape[1])


def corrected(comparisons: Sequence[Comparison], strictness: float = 1) -> list[Comparison]:
    """Returns the comparisons of a study with their p-values corrected for their number, as one family.

    Args:
        comparisons: All comparisons of the study that get a verdict.
        strictness: Factor of all p-values, for a study that is looked at several times (see `sequential`).
    """
    different = holm([strictness * c.difference.p for c in comparisons])
    equal = holm([strictness * c.equal_p for c in comparisons])
    return [replace(c, p_holm=p, equal_p=q) for c, p, q in zip(comparisons, different, equal, strict=True)]


def compare_samples(
    names: tuple[str, str], runs: tuple[int, int], samples: tuple[Sample, ...], margin: float = MARGIN
) -> Comparison:
    """Compares two experiments by their scores on the same images; see `compare`.

    Args:
        names: Names of both.
        runs: Numbers of runs of both.
        samples: Their scores, or one sample of the differences between runs of the same seed.
        margin: Largest difference that counts as none.
    """
    seeds = [sample.seeds for sample in samples]
    basis: Basis = (
        "networks" if None in seeds else "borrowed" if any(s is not None and s.borrowed for s in seeds) else "repeated"
    )
    found, limit = detectable(*samples)
    return Comparison(
        *names,
        runs,
        images=samples[0].images,
        basis=basis,
        difference=_within_shares(difference_of(*samples)),
        these_images=_within_shares(difference_of(*samples, on_these_images=True)),
        detectable=found,
        limit=limit,
        margin=margin,
        equal_p=math.nan if basis == "networks" else equivalence(*samples, margin=margin),
    )


def _within_shares(difference: Interval) -> Interval:
    """Returns a difference of shares whose interval lies within −1 and 1; a difference of differences may be larger."""
    lowest, highest = min(difference.value, -1.0), max(difference.value, 1.0)
    return difference._replace(low=max(difference.low, lowest), high=min(difference.high, highest))
