"""Random numbers as functions of (seed, epoch, index)."""

import numpy as np
import tensorflow as tf
from scipy import stats

from kerasclf.pipeline import draws


def numbers(stream=1, seed=0, epoch=0, indices=range(20_000), count=8):
    return draws.uniform(stream, seed, tf.constant(epoch, tf.int64), tf.constant(indices, tf.int64), count).numpy()


def test_they_are_uniform_and_independent():
    drawn = numbers()
    assert drawn.min() >= 0
    assert drawn.max() < 1
    for column in drawn.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    correlations = np.corrcoef(np.concatenate([drawn[:-1], drawn[1:]], axis=1).T) - np.eye(16)
    assert np.abs(correlations).max() < 0.035  # five standard errors at 20,000 draws


def test_an_images_numbers_do_not_depend_on_its_batch():
    np.testing.assert_array_equal(numbers(indices=[5, 900, 7]), numbers()[[5, 900, 7]])


def test_more_numbers_leave_the_first_as_they_were():
    np.testing.assert_array_equal(numbers(count=3), numbers(count=30)[:, :3])


def test_seed_epoch_and_stream_each_change_everything():
    base = numbers(indices=range(1000))
    for other in (numbers(seed=1, indices=range(1000)), numbers(epoch=1, indices=range(1000)),
                  numbers(stream=2, indices=range(1000))):  # fmt: skip
        assert np.abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.06
        assert (base != other).mean() > 0.999


def test_a_permutation_has_every_index_once_and_changes_by_epoch():
    first, again, second = (draws.permutation(3, tf.constant(e, tf.int64), 1000).numpy() for e in (0, 0, 1))
    assert sorted(first) == list(range(1000))
    assert first.tolist() == again.tolist() != second.tolist()
