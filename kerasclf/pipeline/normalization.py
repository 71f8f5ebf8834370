"""Normalisation as layers of the model, made only of layers that Keras can load."""

import keras
import numpy as np
from keras import ops

from kerasclf.pipeline.augmentation_settings import AugmentationSettings, resolve_function
from kerasclf.pipeline.normalization_statistics import Statistics

# ImageDataGenerator adds this to every deviation before it divides.
_EPSILON = 1e-6


def normalize(
    pixels: keras.KerasTensor, augmentation: AugmentationSettings, statistics: Statistics | None
) -> keras.KerasTensor:
    """Applies the normalisation of an `Augmentation` to a model's input.

    The order is that of ImageDataGenerator: preprocessing_function, rescale, samplewise, featurewise, ZCA. All
    computations use float32 under every precision.

    Args:
        pixels: Input of shape (batch, height, width, channels), raw pixels 0–255 of any number type.
        augmentation: The normalisation.
        statistics: Statistics of the training images; None if the normalisation needs none.

    Returns:
        float32 tensor of the same shape.
    """
    x = pixels
    samplewise = augmentation.samplewise_center or augmentation.samplewise_std_normalization
    rescales = augmentation.rescale is not None
    if augmentation.preprocessing_function or not (rescales or (augmentation.centers and not samplewise)):
        # Converts the pixels to float32, unless the next step does so anyway: that would waste a pass.
        x = keras.layers.Rescaling(1.0, dtype="float32", name="pixels")(x)
    if augmentation.preprocessing_function:
        x = resolve_function(augmentation.preprocessing_function)(x)
    if augmentation.rescale is not None:
        x = keras.layers.Rescaling(augmentation.rescale, dtype="float32", name="rescale")(x)
    if samplewise:
        x = x - ops.mean(x, axis=(1, 2, 3), keepdims=True)
    if augmentation.samplewise_std_normalization:
        x = x / (ops.std(x, axis=(1, 2, 3), keepdims=True) + _EPSILON)
    if augmentation.centers and statistics is not None:
        x = _featurewise(x, statistics, augmentation.scales)
    return _whiten(x, statistics) if augmentation.zca_whitening and statistics is not None else x


def _featurewise(x: keras.KerasTensor, statistics: Statistics, scale: bool) -> keras.KerasTensor:
    """Normalises per channel, with the statistics repeated along a row of pixels.

    TensorFlow subtracts a row from an image almost twice as fast as three numbers from each pixel.
    """
    width = x.shape[2]
    deviation = statistics.std + _EPSILON if scale else np.ones_like(statistics.std)
    return keras.layers.Normalization(
        axis=(2, 3),
        mean=np.tile(statistics.mean, (width, 1)),
        variance=np.tile(deviation**2, (width, 1)),
        dtype="float32",
        name="featurewise",
    )(x)


def _whiten(x: keras.KerasTensor, statistics: Statistics) -> keras.KerasTensor:
    shape, values = x.shape[1:], int(np.prod(x.shape[1:]))
    dense = keras.layers.Dense(values, use_bias=False, trainable=False, dtype="float32", name="zca")
    flat = keras.layers.Reshape((values,), dtype="float32", name="zca_flatten")(x)
    white = dense(flat)
    dense.set_weights([statistics.zca])
    return keras.layers.Reshape(shape, dtype="float32", name="zca_image")(white)
