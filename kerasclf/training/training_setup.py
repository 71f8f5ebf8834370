"""Compiles a model and makes its batches."""

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from kerasclf.data import ImageDataset, Subset
from kerasclf.data.dataset import class_counts
from kerasclf.log import Log
from kerasclf.machine.cluster import joined
from kerasclf.models.explaining.costs import known_multiply_adds
from kerasclf.pipeline.batches import Epoch, evaluation_batches, steps_per_epoch, training_batches
from kerasclf.pipeline.epoch_order import Kind, balanced_length
from kerasclf.training.assembly import Built, build_model
from kerasclf.training.config import TrainConfig
from kerasclf.training.distributed.multiworker import share_of
from kerasclf.training.distributed.replicas import LossOverReplicas, build_for_replicas, check_batches, evaluation_size
from kerasclf.training.head_start import start_head
from kerasclf.training.losses import balanced_weights, make_loss
from kerasclf.training.optimizers.layer_rates import layer_factors
from kerasclf.training.optimizers.optimizers import make_optimizer
from kerasclf.training.phase_inputs import PhaseInputs, make_phase_inputs
from kerasclf.training.recipe import Recipe

# Maximum number of pixel values in the steps between two returns to Python: 16 steps of 32 images of 32×32. A return
# costs about a millisecond, which matters for small images only.
_VALUES_PER_EXECUTION = 16 * 32 * 32 * 32 * 3
_MAX_STEPS_PER_EXECUTION = 16
# Maximum number of multiply-adds in their forward passes, about a second on two cores. For slow steps a millisecond
# does not matter, and the user wants to see each of them.
_MULTIPLY_ADDS_PER_EXECUTION = 2e10
# A GPU computes at least this many times as much in a second as two cores. The return to Python takes as long.
_GPU_FACTOR = 16
# Pixel values per evaluation batch of small images. The training result does not depend on it.
_EVALUATION_VALUES = 256 * 32 * 32 * 3


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that `fit` needs: a compiled model and its batches.

    Args:
        model: The compiled model.
        batches: Training batches, in a different order in every epoch.
        validation: Validation batches; None without validation images.
        epoch: Epoch number that `batches` reads at the start of each pass.
        images: Training images per epoch; oversampled ones count as often as they appear.
        steps: Training batches per epoch.
        strategy: The tf.distribute strategy of the model.
        class_weight: Weight of each class in the training loss; None weighs all images alike.
    """

    model: keras.Model
    batches: tf.data.Dataset
    validation: tf.data.Dataset | None
    epoch: Epoch
    images: int
    steps: int
    strategy: tf.distribute.Strategy
    class_weight: dict[int, float] | None = None


def prepare(dataset: ImageDataset, recipe: Recipe, log: Log = lambda line: None) -> TrainingSetup:
    """Builds the network of a recipe and prepares its last phase, as if it were the only one."""
    built = build_model(dataset, recipe)
    if recipe.fits_head:
        start_head(built, dataset, log)
    return prepare_phase(built, make_phase_inputs(built, dataset, recipe.last, log), dataset, recipe.last)


def prepare_phase(built: Built, inputs: PhaseInputs, dataset: ImageDataset, phase: TrainConfig) -> TrainingSetup:
    """Compiles the model of a phase under its strategy and makes its batches."""
    recipe, classes = built.recipe, dataset.num_classes
    replicas = built.strategy.num_replicas_in_sync
    counts = class_counts(dataset.train.labels, classes)
    oversampled, images = phase.oversampling == "balanced", _images_per_epoch(dataset, phase)
    steps = steps_per_epoch(images, phase.batch_size)
    if replicas > 1:
        check_batches(images, phase.batch_size, replicas)
    with built.strategy.scope():
        loss = make_loss(phase, counts, recipe.flaws)
        if replicas > 1:
            loss = LossOverReplicas(loss)
        _compile(inputs.model, phase, loss, steps, inputs.train, replicas)
        if replicas > 1:
            build_for_replicas(inputs.model, inputs.train, classes)
    epoch = Epoch()
    order: Kind = "fixed" if "unshuffled" in recipe.flaws else "balanced" if oversampled else "shuffled"
    batches = training_batches(
        inputs.train,
        classes,
        batch_size=phase.batch_size,
        augmentation=inputs.augmentation,
        seed=recipe.seed,
        epoch=epoch,
        order=order,
        views=max(inputs.views, 1),
        share=share_of(built.strategy),
    )
    validation = validation_batches(inputs, phase, classes, recipe, epoch, built.strategy)
    weights = balanced_weights(counts) if phase.class_weight == "balanced" else None
    return TrainingSetup(
        model=inputs.model,
        batches=batches,
        validation=validation,
        epoch=epoch,
        images=images,
        steps=steps,
        strategy=built.strategy,
        class_weight=weights,
    )


def check_shares(dataset: ImageDataset, phases: Sequence[TrainConfig], workers: int) -> None:
    """Checks that each worker gets an image of every batch, before any of them starts.

    Args:
        dataset: The images.
        phases: How to train.
        workers: Number of workers.

    Raises:
        KerasclfError: If a batch or the validation set has too few images.
    """
    for phase in phases:
        check_batches(_images_per_epoch(dataset, phase), phase.batch_size, workers)
    if len(dataset.validation):
        evaluation_size(len(dataset.validation), 1, workers)


def _images_per_epoch(dataset: ImageDataset, phase: TrainConfig) -> int:
    return balanced_length(dataset.train.labels) if phase.oversampling == "balanced" else len(dataset.train)


def evaluation_batch(subset: Subset, minimum: int) -> int:
    """Returns the batch size for evaluating a set of images, at least `minimum`."""
    values = _EVALUATION_VALUES * (_GPU_FACTOR if tf.config.list_logical_devices("GPU") else 1)
    return max(minimum, values // int(np.prod(subset.images.shape)), 1)


def _compile(
    model: keras.Model, config: TrainConfig, loss: keras.losses.Loss, steps: int, subset: Subset, replicas: int
) -> None:
    factors = layer_factors(model, config.layer_decay) if config.layer_decay < 1 else None
    metrics = [keras.metrics.CategoricalAccuracy(name="accuracy")]
    if config.macro_f1:
        metrics.append(keras.metrics.F1Score("macro", name="macro_f1"))
    model.compile(
        optimizer=make_optimizer(config, steps, factors),
        loss=loss,
        metrics=metrics,
        # XLA would have to compile the exchange between workers.
        jit_compile=False if config.jit == "auto" and joined() is not None else config.jit,
        # Keras cannot run several steps per execution on several replicas.
        steps_per_execution=_steps_per_execution(config, model, subset.images.shape) if replicas == 1 else 1,
    )


def _steps_per_execution(config: TrainConfig, model: keras.Model, shape: tuple[int, ...]) -> int:
    if config.steps_per_execution != "auto":
        return config.steps_per_execution
    factor = _GPU_FACTOR if tf.config.list_logical_devices("GPU") else 1
    small = factor * _VALUES_PER_EXECUTION // (config.batch_size * int(np.prod(shape)))
    quick = factor * _MULTIPLY_ADDS_PER_EXECUTION // (config.batch_size * max(known_multiply_adds(model), 1))
    return max(1, min(_MAX_STEPS_PER_EXECUTION, small, int(quick)))


def validation_batches(
    inputs: PhaseInputs,
    phase: TrainConfig,
    num_classes: int,
    recipe: Recipe,
    epoch: Epoch,
    strategy: tf.distribute.Strategy,
) -> tf.data.Dataset | None:
    """Returns the validation images in batches, augmented only if the recipe has that flaw; None without images."""
    if not len(inputs.validation):
        return None
    size = evaluation_batch(inputs.validation, phase.batch_size)
    replicas, share = strategy.num_replicas_in_sync, share_of(strategy)
    if replicas > 1:
        size = evaluation_size(len(inputs.validation), size, replicas)
    if not recipe.augment_validation:
        return evaluation_batches(inputs.validation, num_classes, size, share)
    # Images are augmented but not mixed, because a mixed label has no accuracy.
    unmixed = inputs.augmentation.but(mix_up=0.0, cut_mix=0.0)
    return training_batches(
        inputs.validation,
        num_classes,
        batch_size=size,
        augmentation=unmixed,
        seed=recipe.seed,
        epoch=epoch,
        order="fixed",
        share=share,
    )
