"""Starts the output layer of a network from logistic regression on its features."""

import time
from collections.abc import Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from kerasclf.data import ImageDataset
from kerasclf.data.dataset import class_counts
from kerasclf.data.splits import sample_of_classes
from kerasclf.errors import KerasclfError
from kerasclf.log import Log
from kerasclf.training.assembly import Built
from kerasclf.training.config import TrainConfig
from kerasclf.training.extractor import freeze_below
from kerasclf.training.losses import log_shares
from kerasclf.transfer.linear_head import OutputWeights, fit_output_weights
from kerasclf.transfer.samples import Samples
from kerasclf.wording import counted

# Maximum number of features of all images together: 80 MB. More would take minutes, and the training goes on anyway.
_MAX_VALUES = 20_000_000
# A measurement fits this many: about a second with 200 classes.
_MEASURED_VALUES = 2_000_000


def start_head(built: Built, dataset: ImageDataset, log: Log, also_cache: Sequence[int] = ()) -> None:
    """Gives the output layer the weights of a logistic regression, for a recipe that fits its head.

    The regression corrects unequal shares of the classes as the first phase does.

    Args:
        built: The network, with the weights that the training starts from.
        dataset: The images. The features of the training images are cached.
        log: Receives progress messages.
        also_cache: Cuts whose activations the first phases need, computed in the same pass of the images.

    Raises:
        KerasclfError: If other layers with weights lie between the features and the output.
    """
    recipe = built.recipe
    assert recipe.transfer is not None
    cut, layer = _features_and_output(built)
    frozen = freeze_below(built, cut, recipe.transfer, also_cache)
    features = frozen.training_set(dataset.train, log)
    if len(np.unique(features.labels)) < 2:  # nothing to tell apart
        return
    chosen = sample_of_classes(features.labels, _MAX_VALUES // layer.kernel.shape[0])
    rows = np.asarray(features.images.read(chosen), np.float32).reshape(len(chosen), -1)
    weights = _fitted(rows, features.labels[chosen], dataset, recipe.phases[0])
    # All workers take those of the first: other processors round differently.
    kernel, bias = (frozen.workers.gather(values)[0] for values in (weights.kernel, weights.bias))
    with built.strategy.scope():
        layer.set_weights([kernel, bias])
    log(f"the output layer starts from logistic regression on the features of {counted(len(chosen), 'image')}")


def _fitted(rows: np.ndarray, labels: np.ndarray, dataset: ImageDataset, phase: TrainConfig) -> OutputWeights:
    balanced = phase.class_weight or phase.oversampling
    weights = fit_output_weights(rows, labels, dataset.num_classes, balanced)
    shares = log_shares(class_counts(dataset.train.labels, dataset.num_classes))
    return OutputWeights(weights.kernel, weights.bias - phase.logit_adjustment * shares)


def measure_head_start(built: Built, dataset: ImageDataset, samples: Samples) -> tuple[float, float]:
    """Returns the seconds of the features that are not cached yet, and those of the regression on all of them.

    Args:
        built: The network, with the weights that the training starts from.
        dataset: The images.
        samples: Features of a few images.
    """
    assert built.recipe.transfer is not None
    cut, layer = _features_and_output(built)
    frozen, train = freeze_below(built, cut, built.recipe.transfer), dataset.train
    features_s = samples.of(frozen, train).seconds(frozen.missing(train, frozen.views))
    images, width = len(train) * max(frozen.views, 1), layer.kernel.shape[0]
    return features_s, measure_regression(images, width, train.labels, dataset.num_classes)


def measure_regression(images: int, width: int, labels: NDArray[np.int64], num_classes: int) -> float:
    """Returns the seconds of a regression, without those of its features.

    Random features stand for the real ones. They take the solver about as many steps or more.

    Args:
        images: Number of images, cached views included.
        width: Number of features of an image.
        labels: Labels of the training images.
        num_classes: Number of classes.
    """
    images = min(images, _MAX_VALUES // width)
    labels = labels[sample_of_classes(labels, min(images, _MEASURED_VALUES // width))]
    if len(np.unique(labels)) < 2:
        return 0.0
    rows = np.random.default_rng(0).standard_normal((len(labels), width), np.float32)
    began = time.perf_counter()
    fit_output_weights(rows[:2], np.arange(2), 2)  # the first fit imports scikit-learn
    first_s = time.perf_counter() - began
    fit_output_weights(rows, labels, num_classes)
    return first_s + (time.perf_counter() - began - first_s) * images / len(labels)


def _features_and_output(built: Built) -> tuple[int, keras.layers.Dense]:
    """Returns the cut where the features are, and the only layer with weights above it."""
    cuts, name = built.assembled.cuts, built.assembled.core.name
    cut = cuts.cut_for("head")
    if cut is None:
        raise KerasclfError(f"transfer.head: expected 'new', as {name} has no weights below its head.")
    above = [layer for layer in cuts.upper(cut).layers if layer.weights]
    if len(above) != 1 or not isinstance(above[0], keras.layers.Dense) or not above[0].use_bias:
        raise KerasclfError(
            f"transfer.head: expected 'new' unless a single dense layer lies above the features. {name} has "
            f"{', '.join(layer.name for layer in above) or 'none'}."
        )
    return cut, above[0]
