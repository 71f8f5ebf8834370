"""L2 regularisation in the optimizer, as PyTorch's optimizers mean weight decay."""

from typing import Any

import keras


class _WithL2(keras.optimizers.Optimizer):
    """What `with_l2` adds to an optimizer class."""

    l2: float

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        pull = keras.ops.cast(variable, gradient.dtype) * keras.ops.cast(self.l2, gradient.dtype)
        super().update_step(gradient + pull, variable, learning_rate)


def with_l2(optimizer: type[keras.optimizers.Optimizer], l2: float) -> type[keras.optimizers.Optimizer]:
    """Returns an optimizer class that adds `l2` times each weight to its gradient, after clipping.

    The loss that is shown stays without it. With plain SGD it is the same as decoupled decay; Adam and its relatives
    divide the pull by the size of the gradients, as they do with these, so that it is another thing there
    (Loshchilov and Hutter 2017, https://arxiv.org/abs/1711.05101).
    """
    return type(optimizer.__name__, (_WithL2, optimizer), {"l2": l2})
