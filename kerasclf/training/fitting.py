"""The callbacks and the call of `fit` that every training has."""

from typing import Any

import keras
import tensorflow as tf

from kerasclf.pipeline.batches import read_errors
from kerasclf.training.callbacks import CountEpochs, StopWhenNotFinite, make_callbacks
from kerasclf.training.config import TrainConfig
from kerasclf.training.devices import device_errors
from kerasclf.training.distributed.replicas import AverageStatistics
from kerasclf.training.faster import faster_layers
from kerasclf.training.training_setup import TrainingSetup


def phase_callbacks(setup: TrainingSetup, phase: TrainConfig) -> list[keras.callbacks.Callback]:
    """Returns the callbacks without which a phase would not train as it should, to be called before any others.

    Args:
        setup: The prepared phase.
        phase: How to train.
    """
    return [
        CountEpochs(setup.epoch),
        StopWhenNotFinite(phase, phase.peak_learning_rate, setup.steps),
        *([AverageStatistics()] if setup.strategy.num_replicas_in_sync > 1 else []),
        *make_callbacks(phase),
    ]


def fit(model: keras.Model, batches: tf.data.Dataset, setup: TrainingSetup, **options: Any) -> keras.callbacks.History:
    """Trains a compiled model as every training does: with the faster layers, and with errors that say what to do.

    Args:
        model: The model of a prepared phase, or another one of its layers.
        batches: The training batches.
        setup: The prepared phase.
        options: Further arguments of `model.fit`.

    Raises:
        DataError: If an image cannot be read any more.
        DeviceMemoryError: If the device has no memory left.
    """
    with device_errors(), read_errors(), faster_layers(model, setup.strategy):
        return model.fit(
            batches,
            class_weight=setup.class_weight,
            shuffle=False,  # the pipeline shuffles
            **{"verbose": 0, **options},
        )
