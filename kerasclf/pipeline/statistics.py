"""What normalisation needs to know of the training images: mean, deviation, ZCA."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Part
from kerasclf.errors import KerasclfError
from kerasclf.pipeline.augmentation import Augmentation, resolve_function

_CHUNK = 1024  # images read at once
# The whitening matrix of larger images would not fit in memory: 96×96×3 already takes 3 GB.
_MOST_ZCA_VALUES = 64 * 64 * 3


@dataclass(frozen=True)
class Statistics:
    """By-channel mean and standard deviation of the training images, and the ZCA matrix where asked for.

    In the units that remain after `preprocessing_function` and `rescale`; as in ImageDataGenerator, which
    computes them before samplewise normalisation.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    zca: NDArray[np.float32] | None = None


def fit_statistics(part: Part, augmentation: Augmentation) -> Statistics:
    """Computes what `augmentation` needs from the training images, unaugmented, in float64.

    Raises:
        KerasclfError: ZCA is asked for on images too large for its matrix.
    """
    total, squares, count = 0.0, 0.0, 0
    for values in _chunks(part, augmentation):
        flat = values.reshape(-1, values.shape[-1])
        total, squares, count = total + flat.sum(0), squares + (flat**2).sum(0), count + len(flat)
    mean = np.asarray(total / count)
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return Statistics(mean, std, _zca(part, augmentation, mean) if augmentation.zca_whitening else None)


def _chunks(part: Part, augmentation: Augmentation):  # type: ignore[no-untyped-def]
    function = augmentation.preprocessing_function and resolve_function(augmentation.preprocessing_function)
    for start in range(0, len(part), _CHUNK):
        values = part.images.read(np.arange(start, min(start + _CHUNK, len(part)))).astype(np.float32)
        if function:
            values = np.asarray(function(values))
        yield values.astype(np.float64) * (augmentation.rescale or 1.0)


def _zca(part: Part, augmentation: Augmentation, mean: NDArray[np.float64]) -> NDArray[np.float32]:
    values = int(np.prod(part.images.shape))
    if values > _MOST_ZCA_VALUES:
        raise KerasclfError(
            f"zca_whitening: expected images of at most {_MOST_ZCA_VALUES:,} values. Received: {values:,}. "
            "Ask for a smaller image_size."
        )
    covariance = np.zeros((values, values))
    for chunk in _chunks(part, augmentation):
        flat = (chunk - mean).reshape(len(chunk), values)
        covariance += flat.T @ flat
    # The singular values s of the images are the roots of their covariance's eigenvalues.
    eigenvalues, vectors = np.linalg.eigh(covariance)
    singular = np.sqrt(np.maximum(eigenvalues, 0))
    scale = np.sqrt(len(part)) / (singular + augmentation.zca_epsilon)
    return ((vectors * scale) @ vectors.T).astype(np.float32)
