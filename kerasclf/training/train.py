"""Compiles, fits and predicts: every training of the toolkit passes through here."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from kerasclf.data import ImageDataset, Part
from kerasclf.data.dataset import class_counts
from kerasclf.pipeline import Augmentation
from kerasclf.pipeline.batches import Epoch, evaluation_batches, steps_per_epoch, training_batches
from kerasclf.pipeline.normalization import normalize
from kerasclf.pipeline.statistics import Statistics, fit_statistics
from kerasclf.training.callbacks import CountEpochs, RecordEpochs, StopWhenNotFinite, make_callbacks
from kerasclf.training.checkpoints import latest_checkpoint
from kerasclf.training.config import TrainConfig
from kerasclf.training.devices import make_strategy, precision
from kerasclf.training.optimizers import make_optimizer, peak_learning_rate
from kerasclf.training.progress import Listener, Silence
from kerasclf.training.resume import Resume, first_epoch

NetworkFactory = Callable[[tuple[int, int, int], int], keras.Model]

# Values of one step's images below which several steps run between two returns to Python, which costs about a
# millisecond: 16 steps of 32 images of 32×32.
_VALUES_PER_EXECUTION = 16 * 32 * 32 * 32 * 3
_MOST_STEPS_PER_EXECUTION = 16
# Images that are evaluated at once, where they are small; has no influence on what is learnt.
_EVALUATION_VALUES = 256 * 32 * 32 * 3


@dataclass(frozen=True)
class Trained:
    """A trained network and how it went.

    Args:
        model: Takes raw uint8 images, gives probabilities; uncompiled.
        history: A row an epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds, images_per_second.
        seconds: Wall time of the epochs, validation included.
        best_epoch: The epoch (from 1) whose weights the model has.
    """

    model: keras.Model
    history: pd.DataFrame
    seconds: float
    best_epoch: int


def train(
    dataset: ImageDataset,
    network: NetworkFactory,
    augmentation: Augmentation,
    config: TrainConfig,
    seed: int,
    augment_validation: bool = False,
    listener: Listener | None = None,
    checkpoints: Path | None = None,
) -> Trained:
    """Trains a network on the training part and watches it on the validation part; the test part is not touched.

    Args:
        dataset: The images.
        network: Builds the uncompiled network from (image shape, number of classes).
        augmentation: Random changes and normalisation of training images.
        config: How to train.
        seed: Decides initial weights, order, random changes and dropout.
        augment_validation: Whether validation images are changed like training images, a flaw of some
            published studies.
        listener: Who is told of the progress.
        checkpoints: A folder for the state at each epoch's end. What it holds already is gone on from; on a CPU
            the result is the same to the bit as without the interruption.

    Raises:
        TrainingError: The loss became nan or infinite; the message names epoch and step. Or a checkpoint is of
            another version.
    """
    listener = listener or Silence()
    ready = prepare(dataset, network, augmentation, config, seed)
    model, epoch, steps = ready.model, ready.epoch, ready.steps
    record = RecordEpochs(len(dataset.train), listener)
    callbacks = [
        CountEpochs(epoch),
        StopWhenNotFinite(config, peak_learning_rate(config), steps),
        *make_callbacks(config),
        record,
    ]
    checkpoint = None
    if checkpoints is not None:
        checkpoint = latest_checkpoint(checkpoints, listener.said)
        callbacks.append(Resume(checkpoints, callbacks, record, checkpoint))
    listener.began(config.epochs, steps, checkpoint.state["rows"] if checkpoint else ())
    begin = first_epoch(checkpoint, config.epochs)
    del checkpoint  # Resume holds it until it is restored
    with ready.strategy.scope():
        model.fit(
            ready.batches,
            validation_data=validation_batches(dataset, config, augmentation, seed, epoch, augment_validation),
            initial_epoch=begin,
            epochs=config.epochs,
            class_weight=_class_weight(dataset) if config.class_weight == "balanced" else None,
            callbacks=callbacks,
            shuffle=False,  # the pipeline shuffles
            verbose=0,
        )
    history = pd.DataFrame(record.rows)
    # Without its optimizer the model loads with Keras alone.
    finished = keras.Model(model.input, model.output, name=model.name)
    return Trained(finished, history, record.seconds, _best_epoch(history, config))


@dataclass(frozen=True)
class Ready:
    """A compiled model and the batches to train it with."""

    model: keras.Model
    batches: tf.data.Dataset
    epoch: Epoch
    steps: int
    strategy: tf.distribute.Strategy


def prepare(
    dataset: ImageDataset, network: NetworkFactory, augmentation: Augmentation, config: TrainConfig, seed: int
) -> Ready:
    """Builds and compiles the model under its strategy and precision, and the input pipeline."""
    keras.utils.set_random_seed(seed)
    strategy = make_strategy(config.strategy)
    steps = steps_per_epoch(len(dataset.train), config.batch_size)
    statistics = fit_statistics(dataset.train, augmentation) if augmentation.centers else None
    with strategy.scope(), precision(config.precision):
        model = assemble(network, dataset.image_shape, dataset.num_classes, augmentation, statistics)
        _compile(model, config, steps, dataset.image_shape, strategy.num_replicas_in_sync)
    epoch = Epoch()
    batches = training_batches(dataset.train, dataset.num_classes, config.batch_size, augmentation, seed, epoch)
    return Ready(model, batches, epoch, steps, strategy)


def assemble(
    network: NetworkFactory,
    image_shape: tuple[int, int, int],
    num_classes: int,
    augmentation: Augmentation,
    statistics: Statistics | None,
) -> keras.Model:
    """Puts normalisation and a network together into a model of raw uint8 images."""
    core = network(image_shape, num_classes)
    image = keras.Input(image_shape, dtype="uint8", name="image")
    return keras.Model(image, core(normalize(image, augmentation, statistics)), name=f"{core.name}_raw")


def predict(model: keras.Model, part: Part, num_classes: int) -> NDArray[np.float32]:
    """Returns the class probabilities of a part's images in their own order, shape (n, num_classes)."""
    batches = evaluation_batches(part, num_classes, _evaluation_batch(part, 1))
    return np.concatenate([np.asarray(_forward(model, images)) for images, _ in batches])


def _forward(model: keras.Model, images: tf.Tensor) -> tf.Tensor:
    return model(images, training=False)


def _compile(
    model: keras.Model, config: TrainConfig, steps: int, image_shape: tuple[int, int, int], replicas: int
) -> None:
    model.compile(
        optimizer=make_optimizer(config, steps),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
        jit_compile=config.jit,
        # Keras' loop of several steps fails on the batches of several replicas.
        steps_per_execution=_steps_per_execution(config, image_shape) if replicas == 1 else 1,
    )


def _steps_per_execution(config: TrainConfig, image_shape: tuple[int, int, int]) -> int:
    if config.steps_per_execution != "auto":
        return config.steps_per_execution
    fitting = _VALUES_PER_EXECUTION // (config.batch_size * int(np.prod(image_shape)))
    return max(1, min(_MOST_STEPS_PER_EXECUTION, fitting))


def _evaluation_batch(part: Part, least: int) -> int:
    return max(least, _EVALUATION_VALUES // int(np.prod(part.images.shape)), 1)


def validation_batches(
    dataset: ImageDataset,
    config: TrainConfig,
    augmentation: Augmentation,
    seed: int,
    epoch: Epoch,
    augmented: bool,
) -> tf.data.Dataset:
    """Returns the validation images in batches, changed like training images where that is asked for."""
    size = _evaluation_batch(dataset.validation, config.batch_size)
    if not augmented:
        return evaluation_batches(dataset.validation, dataset.num_classes, size)
    # Images are changed but not mixed: a mixed label has no accuracy.
    unmixed = augmentation.but(mix_up=0.0, cut_mix=0.0)
    return training_batches(dataset.validation, dataset.num_classes, size, unmixed, seed, epoch, shuffle=False)


def _class_weight(dataset: ImageDataset) -> dict[int, float]:
    counts = class_counts(dataset.train.labels, dataset.num_classes)
    return {label: len(dataset.train) / (dataset.num_classes * int(count)) for label, count in enumerate(counts)}


def _best_epoch(history: pd.DataFrame, config: TrainConfig) -> int:
    stopping = config.early_stopping
    if stopping is None or not stopping.restore_best:
        return len(history)
    values = history[stopping.monitor]
    best = values.argmax() if stopping.monitor.endswith("accuracy") else values.argmin()
    return int(best) + 1
