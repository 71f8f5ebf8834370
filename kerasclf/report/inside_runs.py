"""Comparisons inside a run: of test images that leaked with the others, or of the validation with the test accuracy.

Two different sets of images are compared, and both add to the error. The difference is the mean of one score for each
image, so that `summarise_scores` can take it. Images of a group are alike, also across the two sets.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kerasclf.report.comparisons import Comparison, compare_samples, impossible
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.finished_run import Run
from kerasclf.report.statistics.random_effects import Sample, summarise_scores, summarise_values

Scores = NDArray[np.float64]
Groups = NDArray[np.int64] | None  # the group of each image of both sets, one set after the other; None without


class Parts(NamedTuple):
    """The scores of a run on two sets of images, and the groups of these."""

    one: Scores
    other: Scores
    groups: Groups


# A single image shows no variance.
_FEWEST = 2


class Inside(NamedTuple):
    """The accuracy that a flawed study reports, the accuracy without the flaw, and the difference of the two."""

    flawed: float
    corrected: float
    comparison: Comparison


def compare_leaked(flawed: ExperimentResults, corrected: ExperimentResults, metric: str, margin: float) -> Inside:
    """Compares the accuracy on leaked test images with that on the others, inside each run.

    Leaked images may be easier or harder than the others by chance. The corrected run of the same seed shows by how
    much: its difference between the same two sets of images is subtracted (a difference in differences).

    Args:
        flawed: The experiment with the flaw.
        corrected: The experiment without it.
        metric: Name of the comparison.
        margin: Largest difference that counts as none.
    """
    pairs = [(run, other) for run in flawed.runs for other in corrected.runs if _are_comparable(run, other)]
    gains = [run.correct.astype(np.float64) - other.correct for run, other in pairs]
    parts = [
        Parts(gain[run.leaked], gain[~run.leaked], _groups_of_leaked(run))
        for gain, (run, _) in zip(gains, pairs, strict=True)
    ]
    reported = [float(run.correct[run.leaked].mean()) for run, _ in pairs]
    same = len({(run.test_images, run.leaked.tobytes()) for run, _ in pairs}) == 1
    return _inside((flawed.name, corrected.name), reported, parts, same, metric, margin)


def compare_best_validation(name: str, experiment: ExperimentResults, metric: str, margin: float) -> Inside:
    """Compares the best validation accuracy over all epochs with the test accuracy of the same run.

    The predictions for validation images are unknown. The error assumes that all runs are right on the same ones, and
    on whole groups, which makes it about as large as possible.

    Args:
        name: Name of the flaw.
        experiment: The experiment whose best validation accuracy is reported.
        metric: Name of the comparison.
        margin: Largest difference that counts as none.
    """
    runs = [run for run in experiment.runs if min(run.images["validation"], len(run.labels)) >= _FEWEST]
    reported = [float(run.history["val_accuracy"].max()) for run in runs]
    parts = [
        Parts(_some_right(run, share), run.correct.astype(np.float64), _groups_of_both(run))
        for run, share in zip(runs, reported, strict=True)
    ]
    same = len({(run.test_images, run.images["validation"]) for run in runs}) == 1
    return _inside((name, experiment.name), reported, parts, same, metric, margin)


def contrast_scores(one: Scores, other: Scores) -> Scores:
    """Returns a score for each image of two sets. Their mean is the mean of `one` minus that of `other`.

    The deviations in each set are weighted by its size, so that the variance of the mean is the sum of both variances.

    Args:
        one: Score of each image of a set.
        other: Score of each image of another set.
    """
    images = len(one) + len(other)
    deviations = [(one - one.mean()) * images / len(one), (other.mean() - other) * images / len(other)]
    return np.asarray(one.mean() - other.mean() + np.concatenate(deviations))


def _are_comparable(run: Run, other: Run) -> bool:
    leaked = int(run.leaked.sum())
    enough = min(leaked, len(run.labels) - leaked) >= _FEWEST
    return run.seed == other.seed and run.test_images == other.test_images and enough


def _groups_of_leaked(run: Run) -> Groups:
    """Returns the groups of the leaked test images, and then those of the others."""
    return None if run.groups is None else np.concatenate([run.groups[run.leaked], run.groups[~run.leaked]])


def _groups_of_both(run: Run) -> Groups:
    """Returns the groups of the validation images, and then those of the test images, which are others."""
    if run.groups is None:
        return None
    before = np.arange(run.images["validation"]) if run.validation_groups is None else run.validation_groups
    return np.concatenate([before, run.groups + before.max() + 1])


def _some_right(run: Run, share: float) -> Scores:
    images = run.images["validation"]
    right = np.arange(images) < round(share * images)
    if run.validation_groups is not None:
        # In the order of the groups, so that at most one is right in part.
        right = right[np.argsort(np.argsort(run.validation_groups, kind="stable"))]
    return right.astype(np.float64)


def _inside(
    names: tuple[str, str],
    reported: Sequence[float],
    parts: Sequence[Parts],
    same_images: bool,
    metric: str,
    margin: float,
) -> Inside:
    """Compares the two sets of images of each run; `same_images` tells whether all runs have the same two sets."""
    runs = (len(parts), len(parts))
    if not parts:
        return Inside(np.nan, np.nan, impossible(names, runs, "too few images can be compared", metric))
    compared = compare_samples(names, runs, (_sample(parts, same_images),), margin)
    if same_images:
        compared = replace(compared, images=len(parts[0].one) + len(parts[0].other))
    else:
        compared = replace(compared, basis="seeds", images=0)
    flawed = float(np.mean(reported))
    return Inside(flawed, flawed - compared.difference.value, replace(compared, metric=metric))


def _sample(parts: Sequence[Parts], same_images: bool) -> Sample:
    if same_images:
        return summarise_scores(np.stack([contrast_scores(p.one, p.other) for p in parts]), parts[0].groups)
    differences = np.array([part.one.mean() - part.other.mean() for part in parts])
    return summarise_values(differences, len(parts[0].one) + len(parts[0].other))
