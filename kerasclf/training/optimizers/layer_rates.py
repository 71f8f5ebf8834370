"""Learning rates per layer: factors that multiply the optimizer's rate."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from kerasclf.errors import KerasclfError
from kerasclf.models.stages import stages_of


class _ScaledRates(keras.optimizers.Optimizer):
    """The methods that `scale_rates` adds to an optimizer class."""

    factors: Mapping[str, float]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # _apply_weight_decay uses one rate for all layers, so decay is applied here: before the step, as in Keras.
        rate = learning_rate * self._factor(variable)
        if self.weight_decay is not None and self._use_weight_decay(variable):
            decay = keras.ops.cast(self.weight_decay, variable.dtype)
            self.assign_sub(variable, variable * decay * keras.ops.cast(rate, variable.dtype))
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Does nothing, because `update_step` applies the decay."""

    def _factor(self, variable: Any) -> float:
        # This is a TensorFlow variable, of one replica under a strategy. The Keras variable has the path.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        # A path starts with the layer's name, or with the name of the Sequential that contains the layer.
        return next((self.factors[part] for part in path.split("/") if part in self.factors), 1.0)


def scale_rates(
    optimizer: type[keras.optimizers.Optimizer], factors: Mapping[str, float]
) -> type[keras.optimizers.Optimizer]:
    """Returns an optimizer class that multiplies the learning rate of each layer, decay included, by a factor.

    The optimizer's `learning_rate` remains the base rate, with or without a schedule.

    Args:
        optimizer: A Keras optimizer class.
        factors: Factors by layer name; 1 for other layers.
    """
    return type(optimizer.__name__, (_ScaledRates, optimizer), {"factors": dict(factors)})


def layer_factors(model: keras.Model, decay: float) -> dict[str, float]:
    """Returns `decay ** depth` for each layer with weights, as in layer-wise learning-rate decay.

    Depth counts groups of layers from the output down. The dense layers of the head have depth 0, the last stage 1,
    and so on. The layers before the first stage form the deepest group. If layer names contain no stages, each layer
    with a kernel is a group. Layers without a kernel, such as normalisations, belong to the group before them.
    ELECTRA (https://arxiv.org/abs/2003.10555) and BEiT (https://arxiv.org/abs/2106.08254) use this decay.

    Args:
        model: The model, which may contain other models.
        decay: Factor between two groups, above 0; 1 gives all layers the same rate.

    Returns:
        Factors by layer name, for `scale_rates`.

    Raises:
        KerasclfError: If two layers of one name have different depths.
    """
    layers = [layer for layer in _flat(model) if layer.weights]
    head = _head(layers)
    groups = _groups(layers[:head])
    depths = [max(groups, default=0) + 1 - group for group in groups] + [0] * (len(layers) - head)
    factors: dict[str, float] = {}
    for layer, depth in zip(layers, depths, strict=True):
        if factors.setdefault(layer.name, decay**depth) != decay**depth:
            raise KerasclfError(
                f"layer_decay: expected a different name for each layer. Received: two layers are named {layer.name!r}."
            )
    return factors


def _flat(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _head(layers: Sequence[keras.Layer]) -> int:
    """Returns the index of the first dense layer of the head. In a network of dense layers, the head is the last."""
    kernels = [index for index, layer in enumerate(layers) if _has_kernel(layer)]
    if not kernels:
        return 0
    others = [index for index in kernels if not isinstance(layers[index], keras.layers.Dense)]
    dense = [index for index in kernels if index > max(others)] if others else kernels[-1:]
    return dense[0] if dense else len(layers)


def _groups(layers: Sequence[keras.Layer]) -> list[int]:
    """Returns the group of each layer, counted from the input; 0 for layers before the first group."""
    stages = stages_of([layer.name for layer in layers])
    group_of_stage = {stage: group for group, stage in enumerate(sorted(set(stages.values())), start=1)}
    groups, group = [], 0
    for layer in layers:
        if layer.name in stages:
            group = group_of_stage[stages[layer.name]]
        elif not stages and _has_kernel(layer):
            group += 1
        groups.append(group)
    return groups


def _has_kernel(layer: keras.Layer) -> bool:
    return any(len(weight.shape) >= 2 for weight in layer.weights)
