"""Features of images: those of a pretrained network, cached as a training caches them, or pixels."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kerasclf.audit.pooled_images import PooledImages
from kerasclf.errors import KerasclfError
from kerasclf.log import Log

if TYPE_CHECKING:
    from kerasclf.runs.experiment import Experiment

# Side of the images whose pixels are features.
_SIDE = 8


def pixel_features(small: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the pixels of 8×8 versions of images as features, shape (n, 64 × channels).

    Args:
        small: Images, uint8 of shape (n, 32, 32, channels), pixels 0–255.
    """
    count, side, _, channels = small.shape
    cells = small.reshape(count, _SIDE, side // _SIDE, _SIDE, side // _SIDE, channels).mean(axis=(2, 4))
    return cells.reshape(count, -1).astype(np.float32)


def network_features(images: PooledImages, experiment: "Experiment", log: Log) -> NDArray[np.float32]:
    """Returns the features of a pretrained network, shape (n, features). They are computed once and cached.

    A training of a new head on the same images with the same weights uses the same cache.

    Args:
        images: The images.
        experiment: The training of a new head that names the network and its weights.
        log: Receives progress messages, one line each.

    Raises:
        KerasclfError: If the network has no features for a new head.
    """
    from kerasclf.training.assembly import build_model
    from kerasclf.training.extractor import freeze_below

    assert experiment.transfer is not None
    built = build_model(images.dataset, experiment.recipe(seed=0))
    try:
        cut = built.assembled.cuts.cut_for("head")
    except KerasclfError as error:
        raise KerasclfError(
            "model: expected a network with features for a new head, such as mobilenet_v2. "
            f"Received: {experiment.model}."
        ) from error
    assert cut is not None
    frozen = freeze_below(built, cut, experiment.transfer)
    sets = [frozen.subset(subset, log).images.read(np.arange(len(subset))) for subset in images.subsets if len(subset)]
    return np.concatenate(sets).reshape(len(images), -1).astype(np.float32)
