"""Makes the Keras optimizer of a TrainConfig, with its learning-rate schedule."""

from collections.abc import Mapping
from typing import Any

import keras

from kerasclf.training.config import OPTIMIZERS, TrainConfig
from kerasclf.training.optimizers import fused_optimizers
from kerasclf.training.optimizers.l2 import with_l2
from kerasclf.training.optimizers.layer_rates import scale_rates
from kerasclf.training.optimizers.schedules import make_schedule

_CLASSES: dict[str, type[keras.optimizers.Optimizer]] = {
    "adadelta": keras.optimizers.Adadelta,
    "adagrad": keras.optimizers.Adagrad,
    "adam": fused_optimizers.Adam,
    "adamax": keras.optimizers.Adamax,
    "adamw": fused_optimizers.AdamW,
    "lion": keras.optimizers.Lion,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": fused_optimizers.SGD,
}


def make_optimizer(
    config: TrainConfig, steps_per_epoch: int, factors: Mapping[str, float] | None = None
) -> keras.optimizers.Optimizer:
    """Returns the optimizer. Call it inside the scope of the tf.distribute strategy.

    Args:
        config: How to train.
        steps_per_epoch: Batches per epoch. They convert the epochs of the schedule to steps.
        factors: Factors of the learning rate by layer name; None gives all layers the same rate.
    """
    cls = _CLASSES[config.optimizer]
    if factors:
        cls = scale_rates(cls, factors)
    if config.l2:
        cls = with_l2(cls, config.l2)
    arguments: dict[str, Any] = {name: getattr(config, name) for name in OPTIMIZERS[config.optimizer]}
    arguments["weight_decay"] = config.weight_decay
    arguments["global_clipnorm"] = config.clip_norm
    arguments = {name: value for name, value in arguments.items() if value is not None}
    if config.ema_momentum is not None:
        arguments |= {"use_ema": True, "ema_momentum": config.ema_momentum}
    rate = make_schedule(config.schedule, config.peak_learning_rate, config.epochs, steps_per_epoch)
    return cls(learning_rate=rate, **arguments)
