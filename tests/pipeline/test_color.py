"""Brightness and channel shifts against Keras' legacy generator."""

import numpy as np
import tensorflow as tf
from keras.src.legacy.preprocessing.image import apply_brightness_shift, apply_channel_shift

from kerasclf import Augmentation
from kerasclf.pipeline import color


def test_channel_shift_equals_the_generators():
    image = np.random.default_rng(0).uniform(20, 230, (6, 6, 3)).astype(np.float32)
    ours = color.shift_and_brighten(
        tf.constant(image[None]), Augmentation(channel_shift_range=40.0), tf.constant([0.8]), tf.constant([0.0])
    )
    np.testing.assert_allclose(ours[0], apply_channel_shift(image, 0.6 * 40, 2), atol=1e-3)


def test_brightness_equals_the_generators_to_a_grey_level():
    image = np.random.default_rng(0).integers(0, 256, (6, 6, 3)).astype(np.float32)
    ours = color.shift_and_brighten(
        tf.constant(image[None]), Augmentation(brightness_range=(0.5, 1.5)), tf.constant([0.0]), tf.constant([0.7])
    )
    # The generator goes through Pillow's 8 bits.
    np.testing.assert_allclose(ours[0], apply_brightness_shift(image, 1.2, False), atol=1.0)
