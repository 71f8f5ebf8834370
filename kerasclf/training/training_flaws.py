"""What a flawed training does in the place of the sound one; see `kerasclf.flaws`."""

import keras
import tensorflow as tf

from kerasclf.data import ImageDataset, Subset
from kerasclf.data.folds import join


class SoftmaxTwice(keras.losses.CategoricalCrossentropy):
    """Cross-entropy that takes probabilities for logits and applies softmax to them once more."""

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(from_logits=True, label_smoothing=label_smoothing)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        # Keras marks the output of a softmax and would take the logits behind it; a copy has no mark.
        return super().call(y_true, tf.identity(y_pred))


def all_images(dataset: ImageDataset) -> Subset:
    """Returns the three parts as one."""
    return join(join(dataset.train, dataset.validation), dataset.test)


def let_statistics_learn(network: keras.Model) -> None:
    """Lets the statistics of frozen batch normalisation follow the batches, while its weights stay."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization) and not layer.trainable:
            layer.trainable = True
            for weight in layer.trainable_weights:
                weight.trainable = False
