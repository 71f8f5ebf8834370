"""The losses of a training: cross-entropy, focal loss, and logit adjustment for classes of unequal size."""

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.training.config import TrainConfig
from kerasclf.training.training_flaws import SoftmaxTwice

# Below it, a float32 has no logarithm.
_SMALLEST = float(np.finfo(np.float32).tiny)


def make_loss(config: TrainConfig, counts: NDArray[np.int64], flaws: tuple[str, ...] = ()) -> keras.losses.Loss:
    """Returns the loss of one-hot or mixed labels and probabilities.

    Args:
        config: How to train.
        counts: Number of training images of each class, which `logit_adjustment` needs.
        flaws: The flaws of the experiment.
    """
    if "softmax_twice" in flaws:
        return SoftmaxTwice(label_smoothing=config.label_smoothing)
    if config.loss == "crossentropy" and not config.logit_adjustment:
        return keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    gamma = config.focal_gamma if config.loss == "focal" else 0.0
    return ImbalanceLoss(gamma, config.logit_adjustment * log_shares(counts), config.label_smoothing)


def log_shares(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Returns the logarithm of each class's share of the training images. A class without images counts as one."""
    present = np.maximum(counts, 1)
    return np.log(present / present.sum()).astype(np.float32)


def balanced_weights(counts: NDArray[np.int64]) -> dict[int, float]:
    """Returns weights inversely proportional to the numbers of images, of which the mean over the images is 1."""
    classes = np.count_nonzero(counts)  # others are empty
    return {label: int(counts.sum()) / (classes * int(count)) for label, count in enumerate(counts) if count}


class ImbalanceLoss(keras.losses.Loss):
    """Focal loss (Lin et al. 2017) of adjusted logits (Menon et al. 2021).

    It is the sum over the classes of −y·(1 − p)^γ·log p, where p is the softmax of the logits plus an offset for each
    class. Without offsets, it is Keras' CategoricalFocalCrossentropy with an alpha of 1. That loss clips probabilities
    at 1e-7, beyond which its gradient is zero: a confident error would never be corrected.

    Args:
        gamma: Exponent of the focal loss; 0 gives cross-entropy.
        offsets: What to add to the logits of each class, shape (classes,).
        label_smoothing: Share of each label that is spread over all classes.
    """

    def __init__(self, gamma: float, offsets: NDArray[np.float32], label_smoothing: float = 0.0) -> None:
        super().__init__(name="imbalance_loss")
        self.gamma, self.offsets, self.label_smoothing = gamma, offsets, label_smoothing

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        labels = y_true * (1 - self.label_smoothing) + self.label_smoothing / len(self.offsets)
        logs = keras.ops.log_softmax(_logits(y_pred) + self.offsets)
        # The slope of a power below 1 is infinite at 0.
        missing = keras.ops.maximum(-keras.ops.expm1(logs), keras.config.epsilon())
        return -keras.ops.sum(labels * missing**self.gamma * logs, axis=-1)


def _logits(probabilities: tf.Tensor) -> tf.Tensor:
    """Returns the logits that a softmax took, where Keras marked its output as for its own cross-entropy.

    Logarithms of the probabilities differ from them by a constant per image, which does not matter. But they are
    lost where a probability is rounded to 0.
    """
    marked = getattr(probabilities, "_keras_logits", None)
    return keras.ops.log(keras.ops.maximum(probabilities, _SMALLEST)) if marked is None else marked
