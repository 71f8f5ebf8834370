"""L2 regularisation in the optimizer, as in the `weight_decay` of PyTorch's optimizers."""

from typing import Any

import keras


class _WithL2(keras.optimizers.Optimizer):
    """The method that `with_l2` adds to an optimizer class."""

    l2: float

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        penalty = keras.ops.cast(variable, gradient.dtype) * keras.ops.cast(self.l2, gradient.dtype)
        super().update_step(gradient + penalty, variable, learning_rate)


def with_l2(optimizer: type[keras.optimizers.Optimizer], l2: float) -> type[keras.optimizers.Optimizer]:
    """Returns an optimizer class that adds `l2` times each weight to its gradient, after clipping.

    The reported loss does not include the penalty. With plain SGD the result equals decoupled decay. Adam and its
    relatives scale the penalty like the gradients, so the results differ (Loshchilov and Hutter 2017,
    https://arxiv.org/abs/1711.05101).
    """
    return type(optimizer.__name__, (_WithL2, optimizer), {"l2": l2})
