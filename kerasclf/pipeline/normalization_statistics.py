"""Statistics of the training images for normalisation: mean, deviation, ZCA."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Subset
from kerasclf.errors import KerasclfError
from kerasclf.pipeline.augmentation_settings import AugmentationSettings, resolve_function

_CHUNK_VALUES = 8 << 20  # values held at once, 64 MiB in float64
# The whitening matrix of larger images does not fit in memory: 96×96×3 already takes 3 GB.
_MAX_ZCA_VALUES = 64 * 64 * 3
# Directions without training images have singular values of rounding: about 1e-8 of the largest one.
_LEAST_SINGULAR = 1e-6


@dataclass(frozen=True)
class Statistics:
    """Statistics of the training images after `preprocessing_function` and `rescale`.

    As in ImageDataGenerator, they are computed before samplewise normalisation.

    Args:
        mean: Mean per channel.
        std: Standard deviation per channel.
        zca: ZCA matrix of shape (values, values) for images of that many values; None without whitening.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    zca: NDArray[np.float32] | None = None


def fit_statistics(subset: Subset, augmentation: AugmentationSettings) -> Statistics:
    """Computes the statistics that `augmentation` needs, from the unaugmented training images, in float64."""
    total, squares, count = 0.0, 0.0, 0
    for values in _chunks(subset, augmentation):
        flat = values.reshape(-1, values.shape[-1])
        total, squares, count = total + flat.sum(0), squares + (flat**2).sum(0), count + len(flat)
    mean = np.asarray(total / count)
    std = np.sqrt(np.maximum(squares / count - mean**2, 0))
    return Statistics(mean, std, _zca(subset, augmentation, mean) if augmentation.zca_whitening else None)


def check_normalization(augmentation: AugmentationSettings, image_shape: tuple[int, int, int]) -> None:
    """Checks that the preprocessing function exists and that the ZCA matrix fits in memory.

    Args:
        augmentation: The normalisation.
        image_shape: Height, width and channels.

    Raises:
        KerasclfError: If one of them does not.
    """
    if augmentation.preprocessing_function:
        resolve_function(augmentation.preprocessing_function)
    values = int(np.prod(image_shape))
    if augmentation.zca_whitening and values > _MAX_ZCA_VALUES:
        raise KerasclfError(
            f"zca_whitening: expected images of at most {_MAX_ZCA_VALUES:,} values. Received: {values:,}. "
            "Give a smaller `image_size`."
        )


def _chunks(subset: Subset, augmentation: AugmentationSettings):  # type: ignore[no-untyped-def]
    function = augmentation.preprocessing_function and resolve_function(augmentation.preprocessing_function)
    chunk = max(1, _CHUNK_VALUES // int(np.prod(subset.images.shape)))
    for start in range(0, len(subset), chunk):
        values = subset.images.read(np.arange(start, min(start + chunk, len(subset)))).astype(np.float32)
        if function:
            values = np.asarray(function(values))
        yield values.astype(np.float64) * (1.0 if augmentation.rescale is None else augmentation.rescale)


def _zca(subset: Subset, augmentation: AugmentationSettings, mean: NDArray[np.float64]) -> NDArray[np.float32]:
    values = int(np.prod(subset.images.shape))
    covariance = np.zeros((values, values))
    for chunk in _chunks(subset, augmentation):
        flat = (chunk - mean).reshape(len(chunk), values)
        covariance += flat.T @ flat
    # The singular values of the images are the square roots of their covariance's eigenvalues.
    eigenvalues, vectors = np.linalg.eigh(covariance)
    singular = np.sqrt(np.maximum(eigenvalues, 0))
    scale = np.sqrt(len(subset)) / (singular + augmentation.zca_epsilon)
    if len(subset) < values:
        # So few images span only some directions. In the others every deviation would grow by sqrt(n) / epsilon.
        scale = np.where(singular > _LEAST_SINGULAR * singular.max(), scale, 0)
    return ((vectors * scale) @ vectors.T).astype(np.float32)
