"""Normalisation as layers of the model, made of what Keras itself loads."""

import keras
import numpy as np
from keras import ops

from kerasclf.pipeline.augmentation import Augmentation, resolve_function
from kerasclf.pipeline.statistics import Statistics

# ImageDataGenerator adds this to every deviation it divides by.
_EPSILON = 1e-6


def normalize(pixels: keras.KerasTensor, augmentation: Augmentation, statistics: Statistics) -> keras.KerasTensor:
    """Applies the normalisation of an `Augmentation` to a model's input.

    The order is ImageDataGenerator's: preprocessing_function, rescale, samplewise, featurewise, ZCA. Computed
    in float32 under every precision.

    Args:
        pixels: Input of shape (batch, height, width, channels), raw pixels 0–255 of any number type.
        augmentation: Which normalisation.
        statistics: From the training images.

    Returns:
        float32 tensor of the same shape.
    """
    # Also casts: where nothing else is asked for, the network sees pixels 0–255 as numbers.
    x = keras.layers.Rescaling(1.0, dtype="float32", name="pixels")(pixels)
    if augmentation.preprocessing_function:
        x = resolve_function(augmentation.preprocessing_function)(x)
    if augmentation.rescale:
        x = keras.layers.Rescaling(augmentation.rescale, dtype="float32", name="rescale")(x)
    if augmentation.samplewise_center or augmentation.samplewise_std_normalization:
        x = x - ops.mean(x, axis=(1, 2, 3), keepdims=True)
    if augmentation.samplewise_std_normalization:
        x = x / (ops.std(x, axis=(1, 2, 3), keepdims=True) + _EPSILON)
    if augmentation.centers:
        deviation = statistics.std + _EPSILON if augmentation.scales else np.ones_like(statistics.std)
        x = keras.layers.Normalization(
            mean=statistics.mean, variance=deviation**2, dtype="float32", name="featurewise"
        )(x)
    return _whiten(x, statistics) if augmentation.zca_whitening else x


def _whiten(x: keras.KerasTensor, statistics: Statistics) -> keras.KerasTensor:
    shape, values = x.shape[1:], int(np.prod(x.shape[1:]))
    dense = keras.layers.Dense(values, use_bias=False, trainable=False, dtype="float32", name="zca")
    flat = keras.layers.Reshape((values,), dtype="float32", name="zca_flatten")(x)
    white = dense(flat)
    dense.set_weights([statistics.zca])
    return keras.layers.Reshape(shape, dtype="float32", name="zca_image")(white)
