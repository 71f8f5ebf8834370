"""What a network does to an image, layer by layer, and what that costs."""

from typing import Any, NamedTuple

import keras

from kerasclf.models.explaining.costs import memory, multiply_adds
from kerasclf.models.explaining.graph import Step, steps_of
from kerasclf.models.explaining.labels import label
from kerasclf.models.explaining.receptive_field import ReceptiveField, receptive_fields


class LayerRow(NamedTuple):
    """One line of the table that `explain` makes.

    Args:
        name: The layer's name.
        kind: Its class and settings, such as `Conv2D 3×3/2, 64`.
        output_shape: Shape of its output without the batch axis.
        parameters: How many weights it has.
        multiply_adds: Multiplications with their additions for one image; None where they are not known.
        memory: Bytes of its output for one image.
        field: What one of its values sees of the image.
        arithmetic: How its width comes about, with numbers.
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
    """What a whole network costs for one image.

    Args:
        parameters: Its weights, among them those that do not train.
        trainable: Its weights that train.
        multiply_adds: Of all layers in which they are known.
        memory: Bytes of the outputs of all layers: what training keeps at most.
        unknown: The layers whose multiply-adds are not known.
    """

    parameters: int
    trainable: int
    multiply_adds: int
    memory: int
    unknown: tuple[str, ...]


def explain(model: keras.Model) -> list[LayerRow]:
    """Returns a row for each layer, and for what stands between layers, such as an addition.

    Raises:
        KerasclfError: The network is not functional, or uses a layer more than once.
    """
    steps = steps_of(model)
    return [_row(step, field) for step, field in zip(steps, receptive_fields(steps), strict=True)]


def totals(model: keras.Model) -> Totals:
    """Returns the sums over a network's layers.

    Raises:
        KerasclfError: As `explain`.
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
        operation.name,
        label(operation),
        step.shape,
        operation.count_params() if isinstance(operation, keras.Layer) else 0,
        multiply_adds(step),
        memory(step),
        field,
        _arithmetic(operation),
    )


def _arithmetic(layer: Any) -> str:
    """Writes (W − F + 2P)/S + 1 with a layer's numbers, for the width."""
    if isinstance(layer, keras.layers.Conv2D | keras.layers.DepthwiseConv2D | keras.layers.SeparableConv2D):
        window = (layer.kernel_size[1] - 1) * layer.dilation_rate[1] + 1
    elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        window = layer.pool_size[1]
    else:
        return ""
    stride, padding = layer.strides[1], layer.padding
    before, after = layer.input.shape[2], layer.output.shape[2]
    if padding == "same" and stride > 1:
        return f"⌈{before}/{stride}⌉ = {after}"
    pad = (window - 1) // 2 if padding == "same" else 0
    remainder = (before - window + 2 * pad) % stride
    quotient = f"({before} − {window} + 2·{pad})/{stride}"
    return f"⌊{quotient}⌋ + 1 = {after}" if remainder else f"{quotient} + 1 = {after}"
