"""The results of an experiment: its finished runs, and their metrics over seeds and test images."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.report.finished_run import Run
from kerasclf.report.statistics.random_effects import Sample, summarise_scores, summarise_values
from kerasclf.report.statistics.scores import scores_of
from kerasclf.runs.experiment import Experiment


@dataclass(frozen=True)
class ExperimentResults:
    """One experiment with its finished runs and its published results."""

    name: str
    experiment: Experiment
    runs: tuple[Run, ...]
    published: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"<ExperimentResults {self.name!r}: {len(self.runs)} run{'s' * (len(self.runs) > 1)}>"

    def values(self, metric: str) -> NDArray[np.float64]:
        """Returns a metric of every run; nan for a run without it."""
        return np.array([run.metrics.get(metric, np.nan) for run in self.runs], np.float64)

    @property
    def test_images(self) -> str | None:
        """A hash of the test images; None if runs have different ones, as with repeated splits."""
        found = {run.test_images for run in self.runs}
        return found.pop() if len(found) == 1 else None

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """Number of each test image's group, from 0; None without groups, or if runs have different test images."""
        return None if self.test_images is None else self.runs[0].groups

    @property
    def by_split(self) -> dict[tuple[int, str], tuple[Run, ...]]:
        """The runs on each split of the images."""
        found: dict[tuple[int, str], tuple[Run, ...]] = {}
        for run in self.runs:
            found[run.split] = (*found.get(run.split, ()), run)
        return found

    @property
    def overlap(self) -> float:
        """Test images per other image: how much the training sets of splits overlap (Nadeau & Bengio 2003)."""
        images = self.runs[0].images
        return images["test"] / (images["train"] + images["validation"])

    def sample(self, metric: str = "test_accuracy") -> Sample:
        """Returns a metric with its scores on the test images, for intervals.

        The runs on one of several splits count as one, with their mean: they have their training images in common.

        Args:
            metric: A key of `kerasclf.report.statistics.scores.SCORES`.
        """
        # The jackknife of macro F1 takes a second for a study, and the page and the console show the same table.
        if metric not in self._samples:
            self._samples[metric] = self._summarise(metric)
        return self._samples[metric]

    @cached_property
    def _samples(self) -> dict[str, Sample]:
        return {}

    def _summarise(self, metric: str) -> Sample:
        splits = list(self.by_split.values())
        if self.test_images is None:
            means = np.array([np.mean([run.metrics.get(metric, np.nan) for run in runs]) for runs in splits])
            return summarise_values(means, self.runs[0].images["test"], self.overlap)
        scores = scores_of(metric, [(run.labels, run.probabilities) for run in self.runs])
        if len(splits) > 1:
            rows = [[run in runs for run in self.runs] for runs in splits]
            scores = np.stack([scores[row].mean(axis=0) for row in rows])
        return summarise_scores(scores, self.groups)

    @cached_property
    def pooled(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Labels and probabilities of all runs, concatenated."""
        labels = np.concatenate([run.labels for run in self.runs])
        return labels, np.concatenate([run.probabilities for run in self.runs])
