"""Every optimizer is made with its settings and its rate."""

import keras
import pytest

from kerasclf import TrainConfig
from kerasclf.training.config import OPTIMIZERS
from kerasclf.training.optimizers.optimizers import make_optimizer

STEPS = 10  # per epoch


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_is_kerass_with_its_own_default(name):
    optimizer = make_optimizer(TrainConfig(optimizer=name, clip_norm=1.0, weight_decay=0.01), STEPS)
    default = getattr(keras.optimizers, type(optimizer).__name__)()
    assert type(optimizer).__name__.lower() == name
    assert TrainConfig(optimizer=name).peak_learning_rate == pytest.approx(float(default.learning_rate))
    assert optimizer.global_clipnorm == 1.0
    assert optimizer.weight_decay == 0.01


def test_settings_reach_the_optimizer():
    sgd = make_optimizer(TrainConfig(optimizer="sgd", momentum=0.9, nesterov=True), STEPS)
    assert (sgd.momentum, sgd.nesterov) == (0.9, True)
    adam = make_optimizer(TrainConfig(beta_2=0.95, ema_momentum=0.9), STEPS)
    assert (adam.beta_1, adam.beta_2, adam.use_ema, adam.ema_momentum) == (0.9, 0.95, True, 0.9)
    # AdamW keeps Keras' default decay where none is given.
    assert make_optimizer(TrainConfig(optimizer="adamw"), STEPS).weight_decay == keras.optimizers.AdamW().weight_decay
