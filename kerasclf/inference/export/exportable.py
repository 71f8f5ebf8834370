"""Builds a model again with layers that every converter knows, in float32."""

import keras

_LOWERED = ("float16", "bfloat16")


def exportable(model: keras.Model) -> tuple[keras.Model, str | None]:
    """Returns a model that computes the same with layers that converters know, and its former precision.

    A model in half or mixed precision is built again in float32, with its own weights: converters and runtimes differ
    in their half precision. Convolutions with a group per channel become `DepthwiseConv2D`: Keras computes groups with
    XLA on a CPU, which no converter reads.

    Args:
        model: A functional model, which may contain others. It stays as it is.

    Returns:
        The model, or a copy of it, and the precision of a model that was not in float32, otherwise None.
    """
    found = list(model._flatten_layers())
    precisions = {layer.dtype_policy.name for layer in found if layer.compute_dtype in _LOWERED}
    if not precisions and not any(map(_is_depthwise, found)):
        return model, None
    copies: list[tuple[keras.Layer, keras.Layer]] = []

    def copy(layer: keras.Layer) -> keras.Layer:
        if not isinstance(layer, keras.Layer):
            return type(layer).from_config(layer.get_config())  # an operation of keras.ops, which has no weights
        copies.append((layer, _copy(layer)))
        return copies[-1][1]

    rebuilt = keras.models.clone_model(model, clone_function=copy, recursive=True)
    for old, new in copies:
        new.set_weights([w.reshape(v.shape) for w, v in zip(old.get_weights(), new.weights, strict=True)])
        if isinstance(new, keras.layers.Normalization):
            new.finalize_state()  # its mean is a constant that it computes from the weights
    return rebuilt, ", ".join(sorted(precisions)) or None


def _copy(layer: keras.Layer) -> keras.Layer:
    """Returns a new layer for the place of another one."""
    config = layer.get_config()
    if layer.compute_dtype in _LOWERED:
        config["dtype"] = "float32"
    if not _is_depthwise(layer):
        return type(layer).from_config(config)
    names = (
        "name",
        "dtype",
        "kernel_size",
        "strides",
        "padding",
        "data_format",
        "dilation_rate",
        "activation",
        "use_bias",
    )
    return keras.layers.DepthwiseConv2D.from_config({name: config[name] for name in names})


def _is_depthwise(layer: keras.Layer) -> bool:
    """Returns whether a layer is a convolution of each channel with one kernel of its own."""
    if type(layer) is not keras.layers.Conv2D or layer.groups == 1 or not layer.built:
        return False
    # The kernels have the shape (height, width, 1, channels); those of DepthwiseConv2D (height, width, channels, 1).
    return bool(layer.groups == layer.filters and layer.kernel.shape[-2] == 1)
