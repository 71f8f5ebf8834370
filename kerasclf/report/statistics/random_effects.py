"""Intervals over two sources of chance at once: the seeds of the runs and the images of the test set.

The scores of an experiment are a matrix of runs × images, such as the verdicts right (1) and wrong (0). Runs and images
are both samples: of all seeds, and of all images like these. Radiology has the same problem with readers and cases, and
this is its multi-reader multi-case analysis: Obuchowski & Rockette 1995; Gallas 2006; Hillis 2007. Needs no TensorFlow.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kerasclf.report.statistics.group_scores import by_group
from kerasclf.report.statistics.intervals import CONFIDENCE, Interval

Scores = NDArray[np.float64]  # (runs, images)
# Smaller variances are rounding errors.
_NO_VARIANCE = 1e-18


@dataclass(frozen=True)
class SeedVariance:
    """How much a metric varies from seed to seed.

    Args:
        variance: Variance of the metric of one run.
        noise: The part of the variance that comes from single images, on which runs disagree by chance.
        df: Degrees of freedom of the estimate.
        borrowed: Whether the variance is that of other experiments, because this one has a single run.
    """

    variance: float
    noise: float
    df: float
    borrowed: bool = False


@dataclass(frozen=True)
class Sample:
    """The scores of one experiment, summarised.

    Args:
        runs: Number of runs.
        images: Number of images, or of groups of images.
        image_means: Mean score of each image or group over the runs; or the mean alone, if the scores are unknown.
        seeds: The variance over seeds; None for a single run, which shows none.
        images_df: Degrees of freedom of the variance over images. Groups may be few; single images count as many.
    """

    runs: int
    images: int
    image_means: NDArray[np.float64]
    seeds: SeedVariance | None
    images_df: float = math.inf

    @property
    def mean(self) -> float:
        """The metric, averaged over runs and images."""
        return float(self.image_means.mean())


def summarise_scores(scores: Scores, groups: NDArray[np.int64] | None = None) -> Sample:
    """Summarises the scores of an experiment.

    Args:
        scores: Score of each run (row) on each image (column).
        groups: Group of each image, numbered from 0: the groups are then the sample, and not the images. None without.
    """
    if groups is not None:
        grouped = summarise_scores(by_group(scores, groups))
        return replace(grouped, images_df=max(grouped.images - 1, 1))
    runs, images = scores.shape
    means = scores.mean(axis=0)
    if runs < 2:
        return Sample(runs, images, means, None)
    between = float(np.var(scores.mean(axis=1), ddof=1))
    within = float(((scores - means) ** 2).sum()) - images * (runs - 1) * between
    noise = max(within / ((runs - 1) * (images - 1) * images), 0.0) if images > 1 else 0.0
    # Runs that agree by chance still vary at least as much as their verdicts on single images do.
    return Sample(runs, images, means, SeedVariance(max(between, noise), noise, runs - 1))


def summarise_values(values: NDArray[np.float64], images: int, overlap: float = 0.0) -> Sample:
    """Summarises a metric of which only the value of each run is known. The error is then over the runs alone.

    Runs that agree by chance still vary by what one image adds to the metric.

    Args:
        values: The metric of each run.
        images: Number of images that each value is measured on.
        overlap: For runs on different splits of the same images: test images per training image. Their training sets
            overlap, which makes their spread too small (Nadeau & Bengio 2003).
    """
    mean = np.array([values.mean()])
    if len(values) < 2:
        return Sample(len(values), images, mean, None)
    variance = max(float(np.var(values, ddof=1)), images**-2) * (1 + len(values) * overlap)
    return Sample(len(values), images, mean, SeedVariance(variance, 0.0, len(values) - 1))


def borrow(samples: Sequence[Sample]) -> list[Sample]:
    """Gives experiments with a single run the seed variance of the others, pooled; without any, nothing changes."""
    known = [sample.seeds for sample in samples if sample.seeds is not None]
    if not known:
        return list(samples)
    df = sum(one.df for one in known)
    pooled = SeedVariance(
        variance=sum(one.variance * one.df for one in known) / df,
        noise=sum(one.noise * one.df for one in known) / df,
        df=df,
        borrowed=True,
    )
    return [sample if sample.seeds is not None else replace(sample, seeds=pooled) for sample in samples]


class Error(NamedTuple):
    """The error of a mean or a difference.

    Args:
        seeds: Variance due to the seeds, lower with more runs.
        images: Variance due to the test images, lower with more images alone.
        df: Degrees of freedom of their sum.
        both_df: Degrees of freedom of the one and of the other, for images in groups; None without groups.
    """

    seeds: float
    images: float
    df: float
    both_df: tuple[float, float] | None = None

    @property
    def variance(self) -> float:
        """Both variances together."""
        return self.seeds + self.images

    def cautious(self) -> "Error":
        """Returns this error with fewer degrees of freedom where both sources of chance count.

        After two or three runs their variance is often estimated far too low. Satterthwaite's degrees of freedom then
        rise to those of the images, and the interval covers 89 to 92 %. With these it covers 93 % (simulated by
        benchmarks/intervals.py). Nothing changes if one of the sources is zero.
        """
        if math.isinf(self.df) or self.seeds == 0:
            return self
        share = math.sqrt(self.seeds / self.variance)
        if self.both_df is None:
            return self._replace(df=self.df * share)
        of_seeds, of_images = self.both_df
        return self._replace(
            df=satterthwaite(self.variance, [(self.seeds, of_seeds * share), (self.images, of_images)])
        )

    def half_width(self, confidence: float = CONFIDENCE) -> float:
        """Half the width of an interval with Student's t."""
        return float(stats.t.ppf((1 + confidence) / 2, self.df)) * math.sqrt(self.variance)

    def p_value(self, distance: float) -> float:
        """Two-sided p-value of a distance from the hypothesis."""
        return float(2 * stats.t.sf(abs(distance) / math.sqrt(self.variance), self.df))


def error_of(*samples: Sample, on_these_images: bool = False) -> Error:
    """Returns the error of an experiment's mean, or of the difference between two experiments on the same images.

    Args:
        samples: One or two experiments. They need no common seeds.
        on_these_images: Whether the test images are taken as fixed. A single run then has no error but its images'.
    """
    first, *others = samples
    means = first.image_means - others[0].image_means if others else first.image_means
    images = float(np.var(means, ddof=1)) / len(means) if len(means) > 1 else 0.0
    parts = [(s.seeds.variance / s.runs, s.seeds.df, s.seeds.noise / s.runs) for s in samples if s.seeds is not None]
    if len(parts) < len(samples):  # One run each: these networks on images like these.
        return Error(0.0, images, first.images_df)
    seeds = sum(variance for variance, _, _ in parts)
    images = 0.0 if on_these_images else max(images - sum(noise for _, _, noise in parts), 0.0)
    estimated = [(variance, df) for variance, df, _ in parts]
    df = satterthwaite(seeds + images, [*estimated, (images, first.images_df)])
    grouped = not math.isinf(first.images_df)
    return Error(seeds, images, df, (satterthwaite(seeds, estimated), first.images_df) if grouped else None)


def mean_of(sample: Sample, *, on_these_images: bool = False) -> Interval:
    """Returns an experiment's mean with its 95 % interval.

    Args:
        sample: The experiment.
        on_these_images: Whether the interval is over seeds alone, for these test images. Otherwise it is over seeds
            and images like these.
    """
    error = error_of(sample, on_these_images=on_these_images)
    half = error.cautious().half_width() if error.variance > _NO_VARIANCE else unseen(sample.images)
    return Interval(sample.mean, sample.mean - half, sample.mean + half)


def difference_of(*samples: Sample, on_these_images: bool = False) -> Interval:
    """Returns the difference of two experiments' means with its 95 % interval and p-value.

    Args:
        samples: An experiment and the one that is subtracted, on the same images; or one sample of the differences
            between runs of the same seed.
        on_these_images: As for `mean_of`.
    """
    difference, error = _difference(samples), error_of(*samples, on_these_images=on_these_images)
    if error.variance > _NO_VARIANCE:
        half, p = error.half_width(), error.p_value(difference)
    else:  # All runs agree on each image, and all images are alike. Others could differ: the sign test.
        half = unseen(samples[0].images) * (1 + abs(difference))
        p = min(2 * 0.5 ** samples[0].images, 1.0) if abs(difference) > _NO_VARIANCE else 1.0
    return Interval(difference, difference - half, difference + half, p)


def equivalence(*samples: Sample, margin: float) -> float:
    """Returns the p-value of two one-sided tests that the experiments differ by less than a margin (Schuirmann 1987).

    Args:
        samples: As for `difference_of`.
        margin: The largest difference that counts as none, in the unit of the scores.
    """
    error, distance = error_of(*samples), margin - abs(_difference(samples))
    if error.variance <= _NO_VARIANCE:
        # The probability that no image differs if a share of `distance` does.
        return min((1 - distance) ** samples[0].images, 1.0) if distance > 0 else 1.0
    return float(stats.t.sf(distance / math.sqrt(error.variance), error.df))


def detectable(*samples: Sample, power: float = 0.8) -> tuple[float, float]:
    """Returns the smallest difference that such a comparison finds in 80 % of studies, and that with endless runs.

    Only more test images lower the second one.
    """
    error = error_of(*samples)
    if error.variance <= _NO_VARIANCE:
        # The sign test never finds anything on fewer than six images.
        found = unseen(samples[0].images) if samples[0].images > 5 else 1.0
        return found, found
    return reach(error, power=power)


def reach(error: Error, level: float = 1 - CONFIDENCE, power: float = 0.8) -> tuple[float, float]:
    """Returns the smallest difference that is found with such an error, and that with endless runs.

    Args:
        error: The error of a difference.
        level: The level of significance.
        power: The share of studies that find the difference.
    """
    factor = float(stats.t.isf(level / 2, error.df) + stats.t.ppf(power, error.df))
    limit = float(stats.norm.isf(level / 2) + stats.norm.ppf(power))
    return factor * math.sqrt(error.variance), limit * math.sqrt(error.images)


def _difference(samples: Sequence[Sample]) -> float:
    first, *others = samples
    return first.mean - others[0].mean if others else first.mean


def prediction(sample: Sample, test_images: int | None = None) -> Interval | None:
    """Returns the 95 % prediction interval of the metric of one more run; None for a single run.

    It misses at most 6 % of runs (simulated by benchmarks/intervals.py), and fewer where seeds hardly count.

    Args:
        sample: The experiment.
        test_images: Number of test images of that run; None for as many as here.
    """
    if sample.seeds is None:
        return None
    seeds = sample.seeds.variance * (1 + 1 / sample.runs)
    images = error_of(sample).images * (1 + sample.images / (test_images or sample.images))
    if seeds + images <= _NO_VARIANCE:
        half = unseen(sample.images)
    else:
        # Satterthwaite's degrees of freedom times the share of the seeds: two or three runs often show too little.
        df = sample.seeds.df * (seeds + images) / seeds if seeds else math.inf
        half = Error(seeds, images, min(df, sample.images_df) if images else df).half_width()
    return Interval(sample.mean, sample.mean - half, sample.mean + half)


def unseen(images: int, confidence: float = CONFIDENCE) -> float:
    """Returns the largest share of images like these that may differ although none of `images` does.

    It is the end of the exact interval of Clopper and Pearson (1934).
    """
    return float(1 - ((1 - confidence) / 2) ** (1 / images))


def satterthwaite(variance: float, parts: Sequence[tuple[float, float]]) -> float:
    """Returns the degrees of freedom of a sum of variances; `parts` are the estimated ones with theirs."""
    below = sum(part**2 / df for part, df in parts)
    return variance**2 / below if below > 0 else math.inf
