"""What a network does to an image, layer by layer."""

from typing import Any, NamedTuple

import keras

from kerasclf.errors import KerasclfError
from kerasclf.models.backbones import BACKBONES
from kerasclf.models.catalogue import CATALOGUE

_LARGEST_LEAST = 256  # no network of the catalogue needs larger images than this


class LayerRow(NamedTuple):
    """One line of the table that `explain` makes."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    arithmetic: str


def explain(model: keras.Model) -> list[LayerRow]:
    """Returns a row for each layer: output shape without the batch axis, parameters, size arithmetic."""
    return [
        LayerRow(
            layer.name,
            type(layer).__name__,
            tuple(layer.output.shape[1:]),
            layer.count_params(),
            _arithmetic(layer),
        )
        for layer in model.layers
    ]


def least_input_size(name: str) -> int:
    """Returns the smallest square image that a network of the catalogue takes, in pixels."""
    if name in BACKBONES:
        return BACKBONES[name].least
    low, high = 0, _LARGEST_LEAST
    while high - low > 1:
        size = (low + high) // 2
        low, high = (low, size) if _takes(name, size) else (size, high)
    return high


def _takes(name: str, size: int) -> bool:
    try:
        CATALOGUE[name](input_shape=(size, size, 3), num_classes=2)
    except KerasclfError:
        return False
    return True


def _arithmetic(layer: Any) -> str:
    """Writes (W − F + 2P)/S + 1 with a layer's numbers, for the width."""
    if isinstance(layer, keras.layers.Conv2D):
        window, stride, padding = layer.kernel_size[1], layer.strides[1], layer.padding
    elif isinstance(layer, keras.layers.MaxPooling2D | keras.layers.AveragePooling2D):
        window, stride, padding = layer.pool_size[1], layer.strides[1], layer.padding
    else:
        return ""
    before, after = layer.input.shape[2], layer.output.shape[2]
    if padding == "same" and stride > 1:
        return f"⌈{before}/{stride}⌉ = {after}"
    pad = (window - 1) // 2 if padding == "same" else 0
    remainder = (before - window + 2 * pad) % stride
    quotient = f"({before} − {window} + 2·{pad})/{stride}"
    return f"⌊{quotient}⌋ + 1 = {after}" if remainder else f"{quotient} + 1 = {after}"


def architecture(model: keras.Model) -> list[Any]:
    """Returns what a network is made of as plain JSON types, without the names of its layers."""
    return [[type(layer).__name__, _nameless(layer.get_config())] for layer in model.layers]


def _nameless(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key not in ("name", "build_config")}
    if isinstance(config, list | tuple):
        return [_nameless(value) for value in config]
    return config if isinstance(config, bool | int | float | str | None) else repr(config)
