"""How much of the image a layer's values see."""

from typing import Any, NamedTuple

from keras import layers

from kerasclf.models.explaining.graph import Step, is_network, steps_of

Pair = tuple[float, float]

_WINDOWS = (layers.Conv2D, layers.DepthwiseConv2D, layers.SeparableConv2D, layers.MaxPooling2D, layers.AveragePooling2D)
_ENLARGING = (layers.Conv2DTranspose, layers.UpSampling2D)
# They change the height and width without looking further.
_FRAMES = (layers.ZeroPadding2D, layers.Cropping2D)


class ReceptiveField(NamedTuple):
    """What one value sees of the image, and how far its neighbour's view is from its own.

    Args:
        size: Height and width in pixels, beyond the image's edge where padding is; None for the whole image.
        stride: Pixels down and to the right from one value's view to the next; None where there is no next.
    """

    size: Pair | None
    stride: Pair | None


PIXEL = ReceptiveField((1, 1), (1, 1))
IMAGE = ReceptiveField(None, None)


def receptive_fields(steps: list[Step], start: ReceptiveField = PIXEL) -> list[ReceptiveField]:
    """Returns the receptive field of each step of a network.

    The formula is that of Araujo, Norris & Sim 2019, "Computing receptive fields of convolutional neural networks"
    (Distill): a window of k values at stride j adds (k − 1)·j. Where branches join, the largest counts. Global
    pooling, flattening and dense layers on the flattened see the whole image; normalisation is taken to look at
    nothing but the value itself.

    Args:
        steps: The network's steps, as `steps_of` gives them.
        start: What the input's values see.
    """
    fields: list[ReceptiveField] = []
    for step in steps:
        # A table's row has no places next to each other.
        first = start if len(step.shape) == 3 else IMAGE
        before = _joined([fields[place] for place in step.inputs]) if step.inputs else first
        shape = steps[step.inputs[0]].shape if step.inputs else step.shape
        fields.append(_after(step, before, shape))
    return fields


def _joined(fields: list[ReceptiveField]) -> ReceptiveField:
    """Joins branches: the largest view, and the largest stride of those that still have places."""
    sizes, strides = [field.size for field in fields], [field.stride for field in fields]
    return ReceptiveField(None if None in sizes else _largest(sizes), _largest(strides))


def _largest(pairs: list[Pair | None]) -> Pair | None:
    known = [pair for pair in pairs if pair is not None]
    return (max(pair[0] for pair in known), max(pair[1] for pair in known)) if known else None


def _after(step: Step, before: ReceptiveField, shape: tuple[int, ...]) -> ReceptiveField:
    """Returns what a step's values see, where its input of this shape sees `before`."""
    operation = step.operation
    if before.stride is None:
        return before
    if is_network(operation):
        return receptive_fields(steps_of(operation), before)[-1]
    if isinstance(operation, _WINDOWS + _ENLARGING):
        return _widened(before, *_window(operation))
    if isinstance(operation, _FRAMES) or not step.inputs:
        return before
    # The same places as before: an activation, a normalisation, a sum, a dense layer on the channels of each place.
    if len(step.shape) == 3 and _same_places(step, shape) and not _is_global(operation):
        return before
    return IMAGE


def _same_places(step: Step, shape: tuple[int, ...]) -> bool:
    # Where an input is one value for the whole image, as in squeeze-and-excitation, the other has the places.
    return len(shape) == 3 and (step.shape[:2] == shape[:2] or (shape[:2] == (1, 1) and len(step.inputs) > 1))


def _is_global(operation: Any) -> bool:
    return isinstance(operation, layers.GlobalAveragePooling2D | layers.GlobalMaxPooling2D)


def _window(operation: Any) -> tuple[Pair, Pair]:
    """Returns how many values of its input a layer looks at, down and to the right, and its step between windows."""
    if isinstance(operation, layers.UpSampling2D):
        return (1, 1), _each(lambda size: 1 / size, operation.size)
    strides = tuple(operation.strides)
    if isinstance(operation, layers.Conv2DTranspose):
        seen = _each(lambda kernel, stride: -(-kernel // stride), operation.kernel_size, strides)
        return seen, _each(lambda stride: 1 / stride, strides)
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
    """Applies a function to the heights and to the widths."""
    down, right = (function(*values) for values in zip(*pairs, strict=True))
    return down, right
