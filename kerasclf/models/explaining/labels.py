"""Short labels for layers with their settings, such as `Conv2D 3×3/2, 64`."""

from typing import Any

from keras import layers

from kerasclf.models.explaining.graph import has_inner_layers

_SHORTER = {"Normalization": "Norm", "Pooling2D": "Pool", "Padding2D": "Pad"}


def label(operation: Any, with_rate: bool = True) -> str:
    """Returns the kind, window, stride and width of a layer in a few characters.

    `/2` is a stride of 2. A stride of 1 and a linear activation are left out.

    Args:
        operation: A layer, or an operation between layers.
        with_rate: Whether to include the dropout rate.
    """
    if has_inner_layers(operation):
        inner = (label(layer) for layer in operation.layers if not isinstance(layer, layers.InputLayer))
        return f"[{' · '.join(inner)}]"
    if isinstance(operation, layers.Activation):
        return _activation(operation) or "linear"
    kind = type(operation).__name__
    for long, short in _SHORTER.items():
        kind = kind.replace(long, short)
    settings = [_window(operation), _width(operation), *_rare_settings(operation)]
    if with_rate and isinstance(getattr(operation, "rate", None), float):
        settings.append(f"{operation.rate:.2g}")
    if not isinstance(operation, layers.ReLU | layers.Softmax):
        settings.append(_activation(operation))
    return " ".join([kind, ", ".join(filter(None, settings))]).strip()


def _window(layer: Any) -> str:
    window = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if not window:
        return ""
    strides = tuple(layer.strides)
    stride = "" if set(strides) == {1} else f"/{strides[0] if len(set(strides)) == 1 else _times(strides)}"
    return f"{_times(window)}{stride}"


def _width(layer: Any) -> str:
    return str(getattr(layer, "filters", None) or getattr(layer, "units", None) or "")


def _rare_settings(layer: Any) -> list[str]:
    found = []
    if max(getattr(layer, "dilation_rate", None) or (1,)) > 1:
        found.append(f"dilated {_times(layer.dilation_rate)}")
    if (getattr(layer, "groups", None) or 1) > 1:
        found.append(f"{layer.groups} groups")
    return found


def _activation(layer: Any) -> str:
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return "" if name == "linear" else name


def _times(sizes: Any) -> str:
    return "×".join(map(str, sizes))
