"""Training under tf.distribute in which every image counts alike, however a batch is divided."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasclf.data import Subset
from kerasclf.errors import KerasclfError
from kerasclf.machine.cluster import training_workers


class LossOverReplicas(keras.losses.Loss):
    """A loss with the gradient of the mean over the whole batch.

    Keras averages over the images of each device, and then over the devices. If 17 images are divided into 9 and 8, an
    image of the smaller part counts more. The value stays the mean over the device's images: Keras weighs it by their
    number when it adds up the loss of an epoch.

    Args:
        loss: The loss of one device.
    """

    def __init__(self, loss: keras.losses.Loss) -> None:
        super().__init__(name=loss.name, reduction=None)
        self.loss = loss

    def __call__(self, y_true: tf.Tensor, y_pred: tf.Tensor, sample_weight: tf.Tensor | None = None) -> Any:
        value = self.loss(y_true, y_pred, sample_weight)
        replica = tf.distribute.get_replica_context()
        if replica is None:  # Keras builds the model
            return value
        count = tf.cast(tf.shape(y_true)[0], value.dtype)
        share = count * replica.num_replicas_in_sync / replica.all_reduce(tf.distribute.ReduceOp.SUM, count)
        # The second term is 0. Its gradient makes that of the sum `share` times as large.
        return value + (share - 1) * (value - tf.stop_gradient(value))


def build_for_replicas(model: keras.Model, subset: Subset, num_classes: int) -> None:
    """Builds the optimizer and the metrics of a compiled model. Call it inside the scope of the strategy.

    Keras would build them from the first batch of each training and evaluation: it adds up the parts of the devices,
    and fails if they have different sizes (Keras 3.15).

    Args:
        model: The compiled model.
        subset: Images of the kind that it takes.
        num_classes: Width of the one-hot labels.
    """
    images = np.zeros((1, *subset.images.shape), subset.images.dtype)
    model._symbolic_build(data_batch=(images, np.zeros((1, num_classes), np.float32)))
    model._maybe_symbolic_build = lambda **batch: None


class AverageStatistics(keras.callbacks.Callback):
    """Averages the moving statistics of normalisation over all replicas, before each evaluation and checkpoint.

    Each replica updates them from its own images. With the average, all of them evaluate alike, and a checkpoint of one
    serves any number of replicas. Trainable weights are equal anyway, and so are the states of random numbers.
    """

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._average: Any = None

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._agree()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._agree()  # for a training without validation images; otherwise they are equal already

    def _agree(self) -> None:
        if self._average is None:
            self._average = _averaging(self.model)
        self._average()


def _averaging(model: keras.Model) -> Any:
    statistics = [
        variable.value
        for layer in model._flatten_layers()
        for variable in layer._non_trainable_variables
        if variable.dtype.startswith("float")
    ]

    def average() -> None:
        replica = tf.distribute.get_replica_context()
        means = replica.all_reduce(tf.distribute.ReduceOp.MEAN, [tf.identity(variable) for variable in statistics])
        for variable, mean in zip(statistics, means, strict=True):
            variable.assign(mean)

    if not statistics:
        return lambda: None
    strategy = tf.distribute.get_strategy()
    return tf.function(lambda: strategy.run(average))


def check_batches(count: int, batch_size: int, replicas: int) -> None:
    """Checks that each device gets at least one image of every training batch: a convolution of none fails.

    Args:
        count: Number of training images.
        batch_size: Images per batch, all devices together.
        replicas: Number of devices.

    Raises:
        KerasclfError: If a device gets none.
    """
    if not _all_have_images(count, batch_size, replicas):
        last = count % batch_size or min(count, batch_size)
        raise KerasclfError(
            f"batch_size: expected batches with at least one image for each of {replicas} {_devices()}. Received: "
            f"{batch_size}, which leaves {last} for the last batch of {count} images. Choose another batch size, or "
            f"{_fewer()}."
        )


def evaluation_size(count: int, batch_size: int, replicas: int) -> int:
    """Returns the smallest batch size from `batch_size` on with which each device gets an image of every batch.

    Raises:
        KerasclfError: If there are too few images.
    """
    for size in range(batch_size, max(batch_size, count) + 1):
        if _all_have_images(count, size, replicas):
            return size
    raise KerasclfError(
        f"strategy: expected at least one validation image for each of {replicas} {_devices()}. Received: {count}. Add "
        f"images, or {_fewer()}."
    )


def _all_have_images(count: int, batch_size: int, replicas: int) -> bool:
    sizes = {min(count, batch_size), count % batch_size or batch_size}
    if _have_workers():  # They divide evenly, see pipeline/shares.py.
        return min(sizes) >= replicas
    # tf.distribute rounds the share of the first devices up.
    return all(size > (replicas - 1) * -(-size // replicas) for size in sizes)


def _devices() -> str:
    return "workers" if _have_workers() else "devices"


def _fewer() -> str:
    return "start fewer workers" if _have_workers() else "set `strategy` to 'none'"


def _have_workers() -> bool:
    return training_workers() is not None
