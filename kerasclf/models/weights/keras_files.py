"""Reads weights by layer from Keras' files."""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.files.hdf5_check import check_weights_file
from kerasclf.models.backbones import BACKBONES, bare

# Layer name, as from `own_names` → arrays in the order of the layer's weights.
Weights = Mapping[str, list[NDArray[np.floating]]]

# Layers without a name in the files of keras.applications, which say nothing of their classes.
_UNNAMED = ("conv2d", "batch_normalization", "layer_normalization")


def read_keras_file(path: Path, architecture: str) -> Weights:
    """Returns the weights in a file by layer.

    Args:
        path: A saved `.keras` model that contains the network's layers, such as a run's model.keras; or a
            `.weights.h5` or `.h5` file of a network of keras.applications without top.
        architecture: Name of the network in the catalogue.

    Raises:
        KerasclfError: If the file cannot be read, or belongs to another network.
    """
    try:
        check_weights_file(path)
        if path.suffix == ".keras":
            return by_layer(keras.models.load_model(path, compile=False, safe_mode=True))
        if architecture not in BACKBONES:
            raise KerasclfError(
                f"weights: expected a .keras, .safetensors or .pth file for {architecture}. Received: {str(path)!r}."
            )
        return _read_keras_weights(path, architecture) if path.name.endswith(".weights.h5") else _read_legacy(path)
    except KerasclfError:
        raise
    except Exception as error:  # a damaged file can raise nearly any exception
        raise KerasclfError(f"{path} cannot be read as weights: {error or type(error).__name__}.") from error


def another_network(source: Path | str, architecture: str, layer: str) -> KerasclfError:
    """Returns the error for weights of another network.

    Args:
        source: File or name of the weights.
        architecture: Name of the requested network.
        layer: First layer that differs, with details.
    """
    return KerasclfError(
        f"Expected weights of {architecture}. Received: {source}, of which the first layer that differs is {layer}. "
        f"Give a file of {architecture} as `weights`, or choose another network."
    )


def _read_keras_weights(path: Path, architecture: str) -> Weights:
    model = bare(architecture)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the error below names what is missing
            model.load_weights(path)
    except ValueError as error:
        layer = next((layer.name for layer in model.layers if f"name={layer.name}," in str(error)), "its first layer")
        raise another_network(path, architecture, layer) from error
    return by_layer(model)


def _read_legacy(path: Path) -> Weights:
    with h5py.File(path) as file:
        root = file.get("model_weights", file)
        names = [name for name in _layer_names(root) if len(root[name].attrs["weight_names"])]
        arrays = [[np.array(root[name][w]) for w in root[name].attrs["weight_names"]] for name in names]
    return dict(zip(_numbered_anew(names, _UNNAMED), arrays, strict=True))


def _layer_names(root: h5py.Group) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else name for name in root.attrs["layer_names"]]


def by_layer(model: keras.Model) -> Weights:
    """Returns the weights of all layers, including nested models. A Sequential counts as one layer, as in ConvNeXt."""
    layers = [layer for layer in model._flatten_layers() if layer.weights and not _is_nested(layer)]
    return {name: layer.get_weights() for name, layer in zip(own_names(layers), layers, strict=True)}


def _is_nested(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)


def own_names(layers: Sequence[keras.Layer]) -> list[str]:
    """Returns the names of layers. Those that Keras gave are numbered from the first one of this network.

    Keras numbers layers without a name on from those built earlier in the process.
    """
    return _numbered_anew([layer.name for layer in layers], {_snake_case(type(layer).__name__) for layer in layers})


def _snake_case(name: str) -> str:
    """Returns the name that Keras gives to a layer of a class, without its number."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()


def _numbered_anew(names: Sequence[str], bases: Iterable[str]) -> list[str]:
    pattern = re.compile(rf"({'|'.join(map(re.escape, bases))})(?:_(\d+))?")
    numbered = [(found[1], int(found[2] or 0), name) for name in names if (found := pattern.fullmatch(name))]
    own: dict[str, str] = {}
    for base, group in groupby(sorted(numbered), key=lambda found: found[0]):
        own |= {name: f"{base}_{i}" if i else base for i, (_, _, name) in enumerate(group)}
    return [own.get(name, name) for name in names]
