"""The scores of single images, whose mean is a metric of the run."""

import numpy as np
import pytest

from kerasclf.report.statistics.scores import SCORES, scores_of
from kerasclf.runs import metrics

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 12, 200)
PROBABILITIES = RNG.dirichlet(np.ones(12), 200)
METRICS = {
    "test_accuracy": metrics.accuracy(LABELS, PROBABILITIES),
    "test_balanced_accuracy": metrics.balanced_accuracy(LABELS, PROBABILITIES),
    "test_top5_accuracy": metrics.top_accuracy(LABELS, PROBABILITIES, 5),
    "test_loss": metrics.cross_entropy(LABELS, PROBABILITIES),
    "test_macro_f1": metrics.macro_f1(LABELS, PROBABILITIES),
}


@pytest.mark.parametrize("metric", SCORES)
def test_the_mean_of_the_scores_is_the_metric(metric):
    scores = scores_of(metric, [(LABELS, PROBABILITIES)] * 2)
    assert scores.shape == (2, 200)
    assert scores.mean(axis=1) == pytest.approx([METRICS[metric]] * 2)


def test_the_pseudo_values_of_macro_f1_are_those_of_a_jackknife():
    scores = SCORES["test_macro_f1"](LABELS, PROBABILITIES)
    kept = np.arange(200) != 7
    without = metrics.macro_f1(LABELS[kept], PROBABILITIES[kept])
    other = np.arange(200) != 8
    without_other = metrics.macro_f1(LABELS[other], PROBABILITIES[other])
    assert scores[7] - scores[8] == pytest.approx(-199 * (without - without_other))


def test_the_scores_of_balanced_accuracy_vary_within_the_classes_alone():
    """Their variance over n² is the sum of the variances of the recalls: 0.8 · 0.2 / 5 and 0.5 · 0.5 / 2, over 2²."""
    labels, predicted = np.array([0] * 5 + [1] * 2), np.array([0, 0, 0, 0, 1, 1, 0])
    scores = SCORES["test_balanced_accuracy"](labels, np.eye(3)[predicted])
    assert scores.mean() == pytest.approx(0.65)
    assert np.var(scores) / 7 == pytest.approx((0.16 / 5 + 0.25 / 2) / 4)
