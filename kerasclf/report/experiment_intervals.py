"""Intervals of an experiment's metrics, and the bias of choosing the best experiment on the test images."""

import math

import numpy as np

from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.statistics.group_scores import by_group, effective_images
from kerasclf.report.statistics.intervals import (
    CONFIDENCE,
    UNKNOWN,
    Interval,
    accuracy_interval,
    balanced_interval,
    selection_bias,
)
from kerasclf.report.statistics.random_effects import borrow, mean_of
from kerasclf.report.study_results import StudyResults
from kerasclf.wording import in_words


def accuracy_of(results: StudyResults, experiment: ExperimentResults) -> Interval:
    """Returns an experiment's mean test accuracy with its 95 % interval over seeds and images like these.

    Args:
        results: The study, whose other experiments show how seeds vary if this one has a single run.
        experiment: The experiment.
    """
    sample = results.samples[experiment.name]
    if sample.seeds is None and experiment.test_images is not None:
        return accuracy_interval(experiment.runs[0].correct, groups=experiment.groups)
    return _clipped(mean_of(sample))


def accuracy_on_these_images(results: StudyResults, experiment: ExperimentResults) -> Interval:
    """Returns the mean accuracy over all seeds on these test images, with its 95 % interval.

    Its ends are nan for a single run, if no other experiment shows how seeds vary, and for runs on different images.
    """
    sample = results.samples[experiment.name]
    if sample.seeds is not None and experiment.test_images is not None:
        return _clipped(mean_of(sample, on_these_images=True))
    return UNKNOWN._replace(value=float(experiment.values("test_accuracy").mean()))


def interval_of(results: StudyResults, experiment: ExperimentResults, metric: str) -> Interval:
    """Returns the mean of a metric over an experiment's runs, with its 95 % interval over seeds and images like these.

    Args:
        results: The study.
        experiment: The experiment.
        metric: A key of `kerasclf.report.statistics.scores.SCORES`.
    """
    if metric == "test_accuracy":
        return accuracy_of(results, experiment)
    sample = experiment.sample(metric)
    if sample.seeds is None:
        repeated = [e for e in results.experiments if len(e.runs) > 1 and not np.isnan(e.values(metric)).any()]
        sample = borrow([sample, *(e.sample(metric) for e in repeated)])[0]
    found = _clipped(mean_of(sample), highest=math.inf if metric == "test_loss" else 1.0)
    if metric != "test_balanced_accuracy" or experiment.test_images is None:
        return found
    # Where all or none of a class are correct, its scores do not vary, and their interval would ignore it.
    of_images = _balanced_over_images(experiment)
    # It takes classes as independent. The images of a group may be of several, which its scores show.
    if sample.seeds is None and experiment.groups is None:
        return of_images
    return found._replace(low=min(found.low, of_images.low), high=max(found.high, of_images.high))


def _balanced_over_images(experiment: ExperimentResults) -> Interval:
    """Returns the balanced accuracy, averaged over runs on the same images, with its interval over such images."""
    labels, correct = experiment.runs[0].labels, np.mean([run.correct for run in experiment.runs], axis=0)
    counts = np.bincount(labels)
    present = counts > 0
    recalls = np.bincount(labels, weights=correct)[present] / counts[present]
    if (groups := experiment.groups) is None:
        return balanced_interval(counts[present], recalls)
    of_class = [labels == label for label in np.flatnonzero(present)]
    effective = np.array([effective_images(correct[one], groups[one], CONFIDENCE) for one in of_class])
    return balanced_interval(effective, recalls)


def _clipped(interval: Interval, highest: float = 1.0) -> Interval:
    """Returns an interval without values that the metric cannot have."""
    return interval._replace(low=max(interval.low, 0.0), high=min(interval.high, highest))


def single_run_note(results: StudyResults) -> str:
    """Returns what the intervals of single runs cover, in a sentence; the empty string if there is no single run."""
    single = [e.name for e in results.experiments if len(e.runs) == 1]
    if not single:
        return ""
    if results.samples[single[0]].seeds is not None:
        have = "has a single run" if len(single) == 1 else "have a single run each"
        return f"{in_words(single)} {have}; seeds are assumed to vary as much as in the other experiments."
    return "A single run says nothing of other seeds: its interval is that of this one network on images like these."


def selection_bias_of(results: StudyResults) -> float | None:
    """Returns how much choosing the best experiment on the test images overestimates its accuracy.

    The estimate uses the smallest seed that all experiments share. It is None for a single experiment, without such a
    seed, or if the experiments have different test images. Images of a group are in one half.
    """
    shared = set.intersection(*({run.seed for run in e.runs} for e in results.experiments))
    if len(results.experiments) < 2 or not shared:
        return None
    runs = [next(run for run in e.runs if run.seed == min(shared)) for e in results.experiments]
    if len({run.test_images for run in runs}) > 1 or len(runs[0].labels) < 2:
        return None
    correct, groups = np.stack([run.correct for run in runs]), runs[0].groups
    return selection_bias(correct if groups is None else by_group(correct.astype(np.float64), groups))
