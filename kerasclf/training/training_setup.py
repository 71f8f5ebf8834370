"""Compiles a model and makes its batches: all that `fit` needs."""

from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from kerasclf.data import ImageDataset, Subset
from kerasclf.log import Log
from kerasclf.models.explaining.costs import known_multiply_adds
from kerasclf.pipeline.batches import Epoch, evaluation_batches, steps_per_epoch, training_batches
from kerasclf.training.assembly import Built, build_model
from kerasclf.training.config import TrainConfig
from kerasclf.training.layer_rates import layer_factors
from kerasclf.training.optimizers import make_optimizer
from kerasclf.training.phase_inputs import PhaseInputs, make_phase_inputs
from kerasclf.training.recipe import Recipe
from kerasclf.training.training_flaws import SoftmaxTwice

# Values of one step's images below which several steps run between two returns to Python, which costs about a
# millisecond: 16 steps of 32 images of 32×32.
_VALUES_PER_EXECUTION = 16 * 32 * 32 * 32 * 3
_MOST_STEPS_PER_EXECUTION = 16
# And multiply-adds of their forward passes, a second or so of two cores: where steps take long a millisecond is
# nothing, and whoever waits wants to see them.
_MULTIPLY_ADDS_PER_EXECUTION = 2e10
# Images that are evaluated at once, where they are small; has no influence on what is learnt.
_EVALUATION_VALUES = 256 * 32 * 32 * 3


@dataclass(frozen=True)
class TrainingSetup:
    """Everything that `fit` needs: a compiled model and its batches.

    Args:
        model: The compiled model.
        batches: Training batches, for every epoch in another order.
        validation: Validation batches.
        epoch: The epoch that `batches` reads when it starts again.
        steps: Training batches per epoch.
        strategy: The tf.distribute strategy of the model.
    """

    model: keras.Model
    batches: tf.data.Dataset
    validation: tf.data.Dataset
    epoch: Epoch
    steps: int
    strategy: tf.distribute.Strategy


def prepare(dataset: ImageDataset, recipe: Recipe, log: Log = lambda line: None) -> TrainingSetup:
    """Builds the network of a recipe and prepares its last phase, as if it were the only one."""
    built = build_model(dataset, recipe)
    return prepare_phase(built, make_phase_inputs(built, dataset, recipe.last, log), dataset, recipe.last)


def prepare_phase(built: Built, inputs: PhaseInputs, dataset: ImageDataset, phase: TrainConfig) -> TrainingSetup:
    """Compiles the model of a phase under its strategy and makes its batches."""
    recipe, classes = built.recipe, dataset.num_classes
    steps = steps_per_epoch(len(dataset.train), phase.batch_size)
    with built.strategy.scope():
        loss = _loss(phase, recipe.flaws)
        _compile(inputs.model, phase, loss, steps, inputs.train, built.strategy.num_replicas_in_sync)
    epoch = Epoch()
    batches = training_batches(
        inputs.train, classes, phase.batch_size, inputs.augmentation, recipe.seed, epoch,
        shuffle="unshuffled" not in recipe.flaws, views=max(inputs.views, 1),
    )  # fmt: skip
    validation = _validation_batches(inputs, phase, classes, recipe, epoch)
    return TrainingSetup(inputs.model, batches, validation, epoch, steps, built.strategy)


def evaluation_batch(subset: Subset, least: int) -> int:
    """Returns how many images of a part are evaluated at once."""
    return max(least, _EVALUATION_VALUES // int(np.prod(subset.images.shape)), 1)


def _loss(config: TrainConfig, flaws: tuple[str, ...]) -> keras.losses.Loss:
    kind = SoftmaxTwice if "softmax_twice" in flaws else keras.losses.CategoricalCrossentropy
    return kind(label_smoothing=config.label_smoothing)


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
        jit_compile=config.jit,
        # Keras' loop of several steps fails on the batches of several replicas.
        steps_per_execution=_steps_per_execution(config, model, subset.images.shape) if replicas == 1 else 1,
    )


def _steps_per_execution(config: TrainConfig, model: keras.Model, shape: tuple[int, ...]) -> int:
    if config.steps_per_execution != "auto":
        return config.steps_per_execution
    small = _VALUES_PER_EXECUTION // (config.batch_size * int(np.prod(shape)))
    quick = _MULTIPLY_ADDS_PER_EXECUTION // (config.batch_size * max(known_multiply_adds(model), 1))
    return max(1, min(_MOST_STEPS_PER_EXECUTION, small, int(quick)))


def _validation_batches(
    inputs: PhaseInputs, phase: TrainConfig, num_classes: int, recipe: Recipe, epoch: Epoch
) -> tf.data.Dataset:
    """Returns the validation images in batches, augmented only if the recipe has that flaw."""
    size = evaluation_batch(inputs.validation, phase.batch_size)
    if not recipe.augment_validation:
        return evaluation_batches(inputs.validation, num_classes, size)
    # Images are changed but not mixed: a mixed label has no accuracy.
    unmixed = inputs.augmentation.but(mix_up=0.0, cut_mix=0.0)
    return training_batches(inputs.validation, num_classes, size, unmixed, recipe.seed, epoch, shuffle=False)
