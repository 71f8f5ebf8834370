"""L2 regularisation: the penalty is added to the gradient."""

import keras
import numpy as np
import pytest

from kerasclf import TrainConfig
from kerasclf.training.optimizers.optimizers import make_optimizer

STEPS = 10  # per epoch


@pytest.mark.parametrize("config", [{}, {"layer_decay": 0.5}])
def test_l2_is_added_to_the_gradient(config):
    optimizer = make_optimizer(
        TrainConfig(optimizer="sgd", learning_rate=0.1, l2=0.5, **config), STEPS, {"w": 0.5} if config else None
    )
    weight = keras.Variable([2.0, -4.0], name="w")
    optimizer.apply([keras.ops.convert_to_tensor([1.0, 1.0])], [weight])
    rate = 0.05 if config else 0.1
    np.testing.assert_allclose(weight.numpy(), [2 - rate * (1 + 1), -4 - rate * (1 - 2)], rtol=1e-6)


def test_adam_scales_the_penalty_like_a_gradient():
    """As in PyTorch: without another gradient the first step moves a weight by the whole rate towards 0."""
    optimizer = make_optimizer(TrainConfig(optimizer="adam", learning_rate=0.1, l2=0.01), STEPS)
    weight = keras.Variable([2.0, -4.0])
    optimizer.apply([keras.ops.zeros(2)], [weight])
    np.testing.assert_allclose(weight.numpy(), [1.9, -3.9], rtol=1e-4)
