"""Random erasing."""

import numpy as np
import tensorflow as tf

from kerasclf import Augmentation
from kerasclf.pipeline.apply_augmentation import make_augment

IMAGES = np.random.default_rng(0).integers(0, 256, (10, 12, 12, 3), dtype=np.uint8)


def erased(probability):
    augment = make_augment(Augmentation(random_erasing=probability), 0, IMAGES.shape[1:])
    return augment(tf.constant(IMAGES), tf.constant(0, tf.int64), tf.range(len(IMAGES), dtype=tf.int64)).numpy()


def test_erasing_replaces_one_rectangle():
    changed = (erased(1.0) != IMAGES).any(axis=3)
    for mask in changed:
        rows, columns = mask.any(axis=1), mask.any(axis=0)
        inside = mask[np.ix_(rows, columns)]
        assert inside.mean() > 0.9  # noise equals the pixel here and there
        assert 0 < mask.mean() < 0.45
    np.testing.assert_array_equal(erased(1e-6), IMAGES)
