"""The flaws of training: what they change. See `kerasclf.flaws` for their names."""

import keras
import numpy as np
import tensorflow as tf

from kerasclf.data import ImageDataset
from kerasclf.data.folds import all_images
from kerasclf.errors import KerasclfError
from kerasclf.pipeline import Augmentation
from kerasclf.pipeline.normalization_statistics import fit_statistics


class SoftmaxTwice(keras.losses.CategoricalCrossentropy):
    """Cross-entropy that mistakes probabilities for logits and applies softmax a second time."""

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(from_logits=True, label_smoothing=label_smoothing)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        # Keras marks the output of a softmax and would use the logits before it. A copy has no mark.
        return super().call(y_true, tf.identity(y_pred))


def statistics_shifts(dataset: ImageDataset) -> dict[str, float]:
    """Returns by how much the statistics of all images differ from those of the training set, in grey levels.

    The keys are mean_shift and deviation_shift: the largest difference over the channels. A table has no grey levels.
    """
    if dataset.is_table:
        return {}
    train, known = (fit_statistics(subset, Augmentation()) for subset in (dataset.train, all_images(dataset)))
    return {
        "mean_shift": float(np.abs(known.mean - train.mean).max()),
        "deviation_shift": float(np.abs(known.std - train.std).max()),
    }


def check_statistics(network: keras.Model, pretrained: bool) -> None:
    """Checks that a network has statistics of batch normalisation, which `batch_norm_learns` can spoil.

    Args:
        network: The network.
        pretrained: Whether its weights are pretrained.

    Raises:
        KerasclfError: If it has no batch normalisation, or only one that was folded into the convolutions.
    """
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    if not norms:
        problem = "has none"
    elif pretrained and not any(np.asarray(layer.moving_mean).any() for layer in norms):
        problem = "holds no statistics, because it was folded into the convolutions of the pretrained weights"
    else:
        return
    raise KerasclfError(
        f"batch_norm_learns: expected a network with the statistics of batch normalisation. That of {network.name} "
        f"{problem}. Choose another network or other weights, or leave this experiment out."
    )


def let_statistics_learn(network: keras.Model) -> None:
    """Makes frozen batch normalisation update its statistics while its weights stay frozen."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.trainable:
            layer.trainable = True
            for weight in layer.trainable_weights:
                weight.trainable = False
