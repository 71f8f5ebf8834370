"""Receptive fields: the part of the image on which a layer's values depend."""

from typing import Any, NamedTuple

from keras import layers

from kerasclf.models.explaining.graph import Step, has_inner_layers, steps_of

Pair = tuple[float, float]

_WINDOWS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.MaxPooling2D, layers.AveragePooling2D)
_ENLARGING = (layers.Conv2DTranspose, layers.UpSampling2D)
# Height and width of the pixels that an enlarged pixel is computed from.
_INTERPOLATED = {"nearest": 1, "bilinear": 2, "bicubic": 4, "lanczos3": 6, "lanczos5": 10}
# These layers change the height and width but not the receptive field.
_FRAMES = (layers.ZeroPadding2D, layers.Cropping2D)


class ReceptiveField(NamedTuple):
    """The part of the image on which one value depends, and its distance to that of the next value.

    Args:
        size: Height and width in pixels, including padding beyond the image's edge; None for the whole image.
        stride: Distance in pixels, down and to the right, to the next value's field; None if there is no next value.
    """

    size: Pair | None
    stride: Pair | None


PIXEL = ReceptiveField((1, 1), (1, 1))
IMAGE = ReceptiveField(None, None)


def receptive_fields(steps: list[Step], start: ReceptiveField = PIXEL) -> list[ReceptiveField]:
    """Returns the receptive field of each step of a network.

    The formula is that of Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks"
    (Distill): a window of k values at stride j adds (k − 1)·j. The largest field counts where branches join. Global
    pooling, flattening and dense layers after it depend on the whole image. Normalisation is assumed to depend only on
    the value itself.

    Args:
        steps: The network's steps, from `steps_of`.
        start: Receptive field of the input's values.
    """
    fields: list[ReceptiveField] = []
    for step in steps:
        # A row of a table has no neighbouring positions.
        first = start if len(step.shape) == 3 else IMAGE
        before = _joined([fields[index] for index in step.inputs]) if step.inputs else first
        shape = steps[step.inputs[0]].shape if step.inputs else step.shape
        fields.append(_after(step, before, shape))
    return fields


def _joined(fields: list[ReceptiveField]) -> ReceptiveField:
    """Joins branches: the largest field, and the largest stride of the branches that still have positions."""
    sizes, strides = [field.size for field in fields], [field.stride for field in fields]
    return ReceptiveField(None if None in sizes else _largest(sizes), _largest(strides))


def _largest(pairs: list[Pair | None]) -> Pair | None:
    known = [pair for pair in pairs if pair is not None]
    return (max(pair[0] for pair in known), max(pair[1] for pair in known)) if known else None


def _after(step: Step, before: ReceptiveField, shape: tuple[int, ...]) -> ReceptiveField:
    """Returns the field of a step's output, from the field `before` and the shape of its input."""
    operation = step.operation
    if before.stride is None:
        return before
    if has_inner_layers(operation):
        return receptive_fields(steps_of(operation), before)[-1]
    if isinstance(operation, _WINDOWS + _ENLARGING):
        return _widened(before, *_window(operation))
    if isinstance(operation, _FRAMES) or not step.inputs:
        return before
    # Same positions as before: activation, normalisation, sum, or a dense layer on the channels of each position.
    if len(step.shape) == 3 and _same_positions(step, shape) and not _is_global(operation):
        return before
    return IMAGE


def _same_positions(step: Step, shape: tuple[int, ...]) -> bool:
    # One input may be a single value for the whole image, as in squeeze-and-excitation; the other has the positions.
    return len(shape) == 3 and (step.shape[:2] == shape[:2] or (shape[:2] == (1, 1) and len(step.inputs) > 1))


def _is_global(operation: Any) -> bool:
    return isinstance(operation, layers.GlobalAveragePooling2D | layers.GlobalMaxPooling2D)


def _window(operation: Any) -> tuple[Pair, Pair]:
    """Returns the height and width of a layer's window on its input, and the stride between windows."""
    if isinstance(operation, layers.UpSampling2D):
        read = _INTERPOLATED[operation.interpolation]
        return (read, read), _each(lambda size: 1 / size, operation.size)
    strides = tuple(operation.strides)
    if isinstance(operation, layers.Conv2DTranspose):
        window = _each(lambda kernel, stride: -(-kernel // stride), operation.kernel_size, strides)
        return window, _each(lambda stride: 1 / stride, strides)
    if isinstance(operation, layers.MaxPooling2D | layers.AveragePooling2D):
        return tuple(operation.pool_size), strides
    return _each(lambda kernel, rate: (kernel - 1) * rate + 1, operation.kernel_size, operation.dilation_rate), strides


def _widened(before: ReceptiveField, window: Pair, step: Pair) -> ReceptiveField:
    assert before.stride is not None
    stride = _each(lambda jump, by: jump * by, before.stride, step)
    if before.size is None:
        return ReceptiveField(None, stride)
    return ReceptiveField(_each(lambda r, k, jump: r + (k - 1) * jump, before.size, window, before.stride), stride)


def _each(function: Any, *pairs: Any) -> Pair:
    """Applies a function to the heights, and to the widths."""
    down, right = (function(*values) for values in zip(*pairs, strict=True))
    return down, right
