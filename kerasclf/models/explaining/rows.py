"""`explain`: the sizes and costs of a network, layer by layer."""

from typing import Any, NamedTuple

import keras

from kerasclf.models.explaining.costs import memory, multiply_adds
from kerasclf.models.explaining.graph import Step, steps_of
from kerasclf.models.explaining.labels import label
from kerasclf.models.explaining.receptive_field import ReceptiveField, receptive_fields


class LayerRow(NamedTuple):
    """One row of the table of `explain`.

    Args:
        name: Name of the layer.
        kind: Class and settings, such as `Conv2D 3×3/2, 64`.
        output_shape: Shape of the output without the batch axis.
        parameters: Number of weights.
        multiply_adds: Multiply-adds for one image; None if they are not known.
        memory: Bytes of the output for one image.
        field: Receptive field of the output's values.
        arithmetic: Computation of the output's width, with numbers.
    """

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int | None
    memory: int
    field: ReceptiveField
    arithmetic: str


class Totals(NamedTuple):
    """Costs of a whole network for one image.

    Args:
        parameters: Number of weights, including those that do not train.
        trainable: Number of trainable weights.
        multiply_adds: Known multiply-adds of all layers.
        memory: Bytes of the outputs of all layers, the maximum that training stores.
        unknown: Names of the layers with unknown multiply-adds.
    """

    parameters: int
    trainable: int
    multiply_adds: int
    memory: int
    unknown: tuple[str, ...]


def explain(model: keras.Model) -> list[LayerRow]:
    """Returns a row for each layer, and for each operation between layers, such as an addition.

    Raises:
        KerasclfError: If the network is not functional, or uses a layer more than once.
    """
    steps = steps_of(model)
    return [_row(step, field) for step, field in zip(steps, receptive_fields(steps), strict=True)]


def totals(model: keras.Model) -> Totals:
    """Returns the sums over a network's layers.

    Raises:
        KerasclfError: If the network is not functional, or uses a layer more than once.
    """
    rows = explain(model)
    return Totals(
        model.count_params(),
        sum(int(keras.ops.size(weight)) for weight in model.trainable_weights),
        sum(row.multiply_adds or 0 for row in rows),
        sum(row.memory for row in rows),
        tuple(row.name for row in rows if row.multiply_adds is None),
    )


def _row(step: Step, field: ReceptiveField) -> LayerRow:
    operation = step.operation
    return LayerRow(
        name=operation.name,
        kind=label(operation),
        output_shape=step.shape,
        parameters=operation.count_params() if isinstance(operation, keras.Layer) else 0,
        multiply_adds=multiply_adds(step),
        memory=memory(step),
        field=field,
        arithmetic=_arithmetic(operation),
    )


def _arithmetic(layer: Any) -> str:
    """Returns (W − F + 2P)/S + 1 for the width, with a layer's numbers."""
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.SeparableConv2D):
        window = (layer.kernel_size[1] - 1) * layer.dilation_rate[1] + 1
    elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        window = layer.pool_size[1]
    else:
        return ""
    stride, padding = layer.strides[1], layer.padding
    before, after = layer.input.shape[2], layer.output.shape[2]
    # An even window has one more pixel of padding on one side, for which the formula has no sign.
    if padding == "same" and (stride > 1 or window % 2 == 0):
        return f"⌈{before}/{stride}⌉ = {after}"
    pad = (window - 1) // 2 if padding == "same" else 0
    remainder = (before - window + 2 * pad) % stride
    quotient = f"({before} − {window} + 2·{pad})/{stride}"
    return f"⌊{quotient}⌋ + 1 = {after}" if remainder else f"{quotient} + 1 = {after}"
