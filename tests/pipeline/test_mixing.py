"""MixUp and CutMix: images and labels are mixed by the same weight."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from kerasclf import Augmentation
from kerasclf.pipeline.mixing import _beta, make_mix

EPOCH = tf.constant(0, tf.int64)


def mixed(fields, count=64, seed=0):
    """Mixes black and white images in turn. The mean of a mixed image is the weight of white."""
    labels = tf.one_hot(np.arange(count) % 2, 2)
    images = tf.constant(
        np.broadcast_to((np.arange(count) % 2 * 255)[:, None, None, None], (count, 16, 16, 1)), tf.uint8
    )
    mix = make_mix(Augmentation(**fields), seed, (16, 16, 1))
    return [value.numpy() for value in mix(images, labels, EPOCH, tf.range(count, dtype=tf.int64))]


@pytest.mark.parametrize("fields", [{"mix_up": 0.4}, {"cut_mix": 1.0}, {"mix_up": 0.4, "cut_mix": 1.0}])
def test_labels_say_what_is_in_the_image(fields):
    images, labels = mixed(fields)
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)) / 255, labels[:, 1], atol=0.005)
    assert 0.05 < np.abs(labels - labels.round()).mean() < 0.5


def test_cut_mix_pastes_one_rectangle():
    images, labels = mixed({"cut_mix": 1.0})
    own = np.arange(len(images)) % 2  # the next image of the batch has the other colour
    pasted = images[..., 0] != (255 * own)[:, None, None]
    np.testing.assert_array_equal(np.unique(images), [0, 255])
    boxes = set()
    for mask, share in zip(pasted, labels[np.arange(len(labels)), 1 - own], strict=True):
        np.testing.assert_allclose(mask.mean(), share, atol=1e-6)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not mask.any():
            continue
        # The box around all pasted pixels holds nothing else.
        box = (rows[0], rows[-1], columns[0], columns[-1])
        assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert len(rows) == len(columns)  # as wide as high, since the image is
        boxes.add(box)
    assert len(boxes) > 40  # of 64: few boxes are empty or the same


def test_the_seed_decides():
    assert mixed({"mix_up": 0.4})[1].tolist() == mixed({"mix_up": 0.4})[1].tolist()
    assert mixed({"mix_up": 0.4})[1].tolist() != mixed({"mix_up": 0.4}, seed=1)[1].tolist()


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_weights_follow_a_beta_distribution(alpha):
    weights = _beta(tf.random.stateless_uniform([5000], [1, 2]), alpha).numpy()
    assert stats.kstest(weights, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_no_mixing_is_no_function():
    assert make_mix(Augmentation(zoom_range=0.2), 0, (16, 16, 1)) is None
