"""A learning rate of its own for each layer: a factor by which the optimizer's rate is multiplied."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras

from kerasclf.errors import KerasclfError
from kerasclf.models.stages import stages_of


class _ScaledRates(keras.optimizers.Optimizer):
    """What `scale_rates` adds to an optimizer class."""

    factors: Mapping[str, float]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # Here and not in _apply_weight_decay, which knows one rate for all. Decay comes first, as in Keras.
        rate = learning_rate * self._factor(variable)
        if self.weight_decay is not None and self._use_weight_decay(variable):
            decay = keras.ops.cast(self.weight_decay, variable.dtype)
            self.assign_sub(variable, variable * decay * keras.ops.cast(rate, variable.dtype))
        super().update_step(gradient, variable, rate)

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Does nothing: `update_step` decays."""

    def _factor(self, variable: Any) -> float:
        # The variable is TensorFlow's, under a strategy one replica's; Keras' own knows the path.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        # The layer's name comes first, but for layers inside a Sequential, whose name goes before.
        return next((self.factors[part] for part in path.split("/") if part in self.factors), 1.0)


def scale_rates(
    optimizer: type[keras.optimizers.Optimizer], factors: Mapping[str, float]
) -> type[keras.optimizers.Optimizer]:
    """Returns an optimizer class whose steps on a layer's weights, decay included, use the rate times a factor.

    The optimizer's `learning_rate` goes on being the base rate, with or without a schedule.

    Args:
        optimizer: A Keras optimizer class.
        factors: Factors by layer name; layers without one have 1.
    """
    return type(optimizer.__name__, (_ScaledRates, optimizer), {"factors": dict(factors)})


def layer_factors(model: keras.Model, decay: float) -> dict[str, float]:
    """Returns `decay ** depth` for each layer with weights, as in layer-wise learning-rate decay.

    Depth counts groups of layers from the output down: the dense layers of the head have 0, the last stage 1,
    and so on; what precedes the first stage counts one more. In a network whose layers are not named by stage,
    each layer with a kernel is a group. A layer of no group, such as a normalisation, goes with the group before it.
    ELECTRA (https://arxiv.org/abs/2003.10555) and BEiT (https://arxiv.org/abs/2106.08254) train like this.

    Args:
        model: The model; those nested in it are looked into.
        decay: Above 0; 1 gives each layer the same rate.

    Returns:
        Factors by layer name, for `scale_rates`.

    Raises:
        KerasclfError: Two layers of one name are at different depths.
    """
    layers = [layer for layer in _flat(model) if layer.weights]
    head = _head(layers)
    groups = _groups(layers[:head])
    depths = [max(groups, default=0) + 1 - group for group in groups] + [0] * (len(layers) - head)
    factors: dict[str, float] = {}
    for layer, depth in zip(layers, depths, strict=True):
        if factors.setdefault(layer.name, decay**depth) != decay**depth:
            raise KerasclfError(f"layer_decay: two layers are named {layer.name!r}. Give each a name of its own.")
    return factors


def _flat(model: keras.Model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _head(layers: Sequence[keras.Layer]) -> int:
    """Returns where the dense layers at the end begin; of a network that has no other layers, the last alone."""
    kernels = [place for place, layer in enumerate(layers) if _has_kernel(layer)]
    if not kernels:
        return 0
    others = [place for place in kernels if not isinstance(layers[place], keras.layers.Dense)]
    dense = [place for place in kernels if place > max(others)] if others else kernels[-1:]
    return dense[0] if dense else len(layers)


def _groups(layers: Sequence[keras.Layer]) -> list[int]:
    """Returns each layer's group, counted from the input; 0 for those before the first."""
    stages = stages_of([layer.name for layer in layers])
    places = {number: place for place, number in enumerate(sorted(set(stages.values())), start=1)}
    groups, group = [], 0
    for layer in layers:
        if layer.name in stages:
            group = places[stages[layer.name]]
        elif not stages and _has_kernel(layer):
            group += 1
        groups.append(group)
    return groups


def _has_kernel(layer: keras.Layer) -> bool:
    return any(len(weight.shape) >= 2 for weight in layer.weights)
