"""RandAugment with separate operations for each image."""

import numpy as np
import pytest
import tensorflow as tf

from kerasclf import Augmentation
from kerasclf.pipeline.rand_augment import COLOR, GEOMETRIC, OPERATIONS, Operations, RandAugment

SHAPE = (12, 12, 3)
EPOCH = tf.constant(0, tf.int64)


@pytest.mark.parametrize("name", COLOR)
def test_each_colour_operation_changes_only_its_images(name):
    images = np.random.default_rng(0).integers(30, 200, (4, *SHAPE)).astype(np.float32)
    rand_augment = RandAugment.of(Augmentation(rand_augment_ops=1, rand_augment_magnitude=0.8))
    chosen = tf.constant([[OPERATIONS.index(name)], [0], [OPERATIONS.index("rotate")], [OPERATIONS.index(name)]])
    changed = rand_augment.recolor(images, Operations(chosen, tf.fill((4, 1), 0.8))).numpy()
    np.testing.assert_array_equal(changed[1:3], images[1:3])
    assert (changed[[0, 3]] != images[[0, 3]]).any(axis=(1, 2, 3)).all()
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_rand_augment_chooses_every_operation():
    rand_augment = RandAugment.of(Augmentation(rand_augment_ops=2))
    operations = rand_augment.draw(0, EPOCH, tf.range(3000, dtype=tf.int64))
    counts = np.bincount(operations.chosen.numpy().ravel(), minlength=len(OPERATIONS))
    assert len(counts) == len(OPERATIONS) == 1 + len(GEOMETRIC) + len(COLOR)
    assert counts.min() > 0.8 * counts.mean()
    assert (operations.strength.numpy() < 0).mean() == pytest.approx(0.5, abs=0.03)
