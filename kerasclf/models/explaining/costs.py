"""Costs of a layer: multiply-adds, and the memory of its output."""

import math
from typing import Any

import keras
import numpy as np
from keras import layers

from kerasclf.models.explaining.graph import Step, has_inner_layers, steps_of

_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D)


def multiply_adds(step: Step) -> int | None:
    """Returns the number of multiply-adds of a layer for one image.

    Only kernels count. Pooling, normalisation, activations, biases and additions are 0. Positions in the padding count
    as others do. torchvision and fvcore count in the same way and call the number FLOPs.

    Args:
        step: The layer, or an operation between layers.

    Returns:
        The number; None if the layer has a kernel but is of an unknown kind.
    """
    operation = step.operation
    if has_inner_layers(operation):
        counts = [multiply_adds(inner) for inner in steps_of(operation)]
        return None if None in counts else sum(filter(None, counts))
    sizes = kernel_sizes(operation)
    if not sizes:
        return 0
    if isinstance(operation, layers.EinsumDense):
        return step.values * _contracted(operation)
    applied = _applications(step)
    return None if applied is None else applied * sum(sizes)


def known_multiply_adds(model: keras.Model) -> int:
    """Returns the number of known multiply-adds of any model for one image.

    A layer that is used several times counts once. Layers with unknown multiply-adds or open sizes count as 0.
    """
    total = 0
    for layer in model.layers:
        if has_inner_layers(layer):
            total += known_multiply_adds(layer)
        elif kernel_sizes(layer) and isinstance(output := getattr(layer, "output", None), keras.KerasTensor):
            shape = tuple(output.shape[1:])
            if None not in shape:
                total += multiply_adds(Step(layer, (), shape, output.dtype)) or 0
    return total


def kernel_sizes(operation: Any) -> list[int]:
    """Returns the number of weights in each kernel of a layer. A separable convolution has two kernels."""
    return [math.prod(weight.shape) for weight in getattr(operation, "weights", ()) if "kernel" in weight.name]


def memory(step: Step) -> int:
    """Returns the bytes of a layer's output for one image, in the layer's own dtype."""
    # NumPy has no bfloat16.
    return step.values * (2 if step.dtype == "bfloat16" else np.dtype(step.dtype).itemsize)


def _applications(step: Step) -> int | None:
    """Returns how often a kernel is applied: once per output position, or per input position if transposed."""
    operation = step.operation
    if isinstance(operation, layers.Conv2DTranspose):
        return _positions(tuple(operation.input.shape[1:]), operation.data_format)
    if isinstance(operation, _CONVOLUTIONS):
        return _positions(step.shape, operation.data_format)
    return math.prod(step.shape[:-1]) if isinstance(operation, layers.Dense) else None


def _positions(shape: tuple[int, ...], data_format: str) -> int:
    return math.prod(shape[:-1] if data_format == "channels_last" else shape[1:])


def _contracted(operation: Any) -> int:
    """Returns the number of products summed for one value: the product of the kernel's axes that the output lacks."""
    _, kernel, output = operation.equation.replace("->", ",").split(",")
    return math.prod(size for axis, size in zip(kernel, operation.kernel.shape, strict=True) if axis not in output)
