"""The architecture of a network without the names of its layers, to compare two networks."""

from typing import Any

import keras


def architecture(model: keras.Model) -> list[Any]:
    """Returns the layers of a network with their settings but without their names, in plain JSON types."""
    return [[type(layer).__name__, _nameless(layer.get_config())] for layer in model.layers]


def _nameless(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _nameless(value) for key, value in config.items() if key not in ("name", "build_config")}
    if isinstance(config, list | tuple):
        return [_nameless(value) for value in config]
    return config if isinstance(config, bool | int | float | str | None) else repr(config)
