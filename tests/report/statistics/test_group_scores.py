"""Images in groups: their effective number, and the share of intervals over groups that cover the true accuracy."""

import numpy as np
import pytest
from scipy import stats

from kerasclf.report.statistics.group_scores import by_group, effective_images
from kerasclf.report.statistics.intervals import accuracy_interval
from kerasclf.report.statistics.random_effects import error_of, summarise_scores

RIGHT = np.arange(100) < 70
TENS = np.repeat(np.arange(10), 10)


def test_groups_of_one_image_change_nothing_and_copies_count_once():
    scores = (np.random.default_rng(8).random((3, 60)) < 0.6).astype(np.float64)
    assert by_group(scores, np.arange(60)) == pytest.approx(scores)
    copied = np.concatenate([scores, scores], axis=1)
    grouped = by_group(copied, np.tile(np.arange(60), 2))
    assert error_of(summarise_scores(grouped)) == pytest.approx(error_of(summarise_scores(scores)))
    sizes = np.repeat(np.arange(20), 3)
    assert by_group(scores, sizes).mean(axis=1) == pytest.approx(scores.mean(axis=1))


def test_groups_of_one_image_are_independent_images():
    assert effective_images(RIGHT, np.arange(100), 0.95) == pytest.approx(100)
    assert accuracy_interval(RIGHT, groups=np.arange(100)) == pytest.approx(accuracy_interval(RIGHT), nan_ok=True)


def test_a_group_that_is_right_or_wrong_as_a_whole_counts_as_one_image():
    assert effective_images(RIGHT, TENS, 0.95) == pytest.approx(10)
    assert accuracy_interval(RIGHT, groups=TENS) == pytest.approx(accuracy_interval(np.arange(10) < 7), nan_ok=True)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_images_that_are_all_alike_show_no_spread_and_count_as_groups(share):
    correct = np.full(100, share)
    assert effective_images(correct, TENS, 0.95) == pytest.approx(10)
    found = accuracy_interval(correct > 0, groups=TENS)
    assert 0 <= found.low < found.high <= 1
    assert found.high - found.low > 0.2
    sizes = np.repeat([0, 1], [90, 10])  # 100² / (90² + 10²)
    assert effective_images(correct, sizes, 0.95) == pytest.approx(100**2 / 8200)
    assert effective_images(RIGHT, np.zeros(100, np.int64), 0.95) == 1


def test_equal_groups_say_no_more_than_independent_images():
    mixed = np.arange(100) % 10 < 7  # 7 of 10 in each group
    spread = (stats.t.ppf(0.975, 99) / stats.t.ppf(0.975, 9)) ** 2
    assert effective_images(mixed, TENS, 0.95) == pytest.approx(100 * spread)


@pytest.mark.parametrize(("alike", "of_images"), [(0.1, 90), (0.5, 70), (0.999, 65)])
def test_the_interval_over_groups_covers_the_true_accuracy(alike, of_images):
    """20 groups of 10 images, whose correlation within a group is `alike`."""
    rng, groups, accuracy = np.random.default_rng(0), np.repeat(np.arange(20), 10), 0.8
    total = (1 - alike) / alike
    shares = rng.beta(accuracy * total, (1 - accuracy) * total, (1500, 20))
    correct = rng.random((1500, 200)) < shares[:, groups]
    over_groups = [accuracy_interval(one, groups=groups) for one in correct]
    over_images = [accuracy_interval(one) for one in correct[:300]]
    assert 0.92 < np.mean([one.low <= accuracy <= one.high for one in over_groups]) < 0.98
    assert np.mean([one.low <= accuracy <= one.high for one in over_images]) < of_images / 100
