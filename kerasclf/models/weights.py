"""Pretrained weights for a backbone: downloaded, or from a file."""

import re
import warnings
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from zipfile import BadZipFile

import h5py
import keras
import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import KerasclfError
from kerasclf.models.backbones import BACKBONES, FEATURES, bare

# A layer's name, as `_own_names` gives it → its arrays, in the order of the layer's own weights.
Weights = Mapping[str, list[NDArray[np.floating]]]

# Layers to which keras.applications give no name; Keras numbers them by what was built before in the process.
_NUMBERED = re.compile(r"(conv2d|batch_normalization|layer_normalization)(?:_(\d+))?")
FILE_FORMS = ".keras (a saved model), .weights.h5 (Keras 3) or .h5 (as keras.applications has them)"


def find_pretrained(architecture: str, weights: str) -> Weights:
    """Returns the pretrained weights of a backbone by layer; nothing for `"none"`.

    Args:
        architecture: A key of `BACKBONES`.
        weights: As `load_pretrained` takes them.

    Raises:
        KerasclfError: The network has no pretrained weights, or they cannot be had.
    """
    if architecture not in BACKBONES and weights != "none":
        raise KerasclfError(
            f"weights: {architecture} has no pretrained weights. Known backbones: {', '.join(BACKBONES)}."
        )
    if weights == "none":
        return {}
    return _download(architecture) if weights == "imagenet" else _read(Path(weights).expanduser(), architecture)


def load_pretrained(network: keras.Model, architecture: str, weights: str) -> None:
    """Gives the layers of a backbone, all those below its head, pretrained weights.

    Args:
        network: What `backbone` built.
        architecture: A key of `BACKBONES`.
        weights: `"imagenet"`, which is downloaded once; `"none"` leaves the network as it is, with random weights;
            or a file: a saved `.keras` model that contains the same layers (such as a run's model.keras), a
            `.weights.h5` or `.h5` of the network of keras.applications without top.

    Raises:
        KerasclfError: The network has no pretrained weights, they cannot be had, or the file is another network's;
            the message names the first layer that differs.
    """
    found = find_pretrained(architecture, weights)
    if weights != "none":
        _copy(found, network, architecture, weights)


def _download(architecture: str) -> Weights:
    try:
        return _by_layer(bare(architecture, "imagenet"))
    except Exception as error:  # Keras raises a bare Exception where the network fails
        raise KerasclfError(
            f"The ImageNet weights of {architecture} are not on this machine and could not be downloaded ({error}). "
            "Give a file with --weights FILE (on a machine with a network, keras.applications keeps what it downloads "
            "in ~/.keras/models), or start from random weights with --weights none."
        ) from error


def _read(path: Path, architecture: str) -> Weights:
    if not path.is_file():
        raise KerasclfError(
            f"weights: expected 'imagenet', 'none' or a file: {FILE_FORMS}. Received: {str(path)!r}, which does not "
            "exist."
        )
    try:
        if path.name.endswith(".weights.h5"):
            return _read_keras_weights(path, architecture)
        if path.suffix == ".h5":
            return _read_legacy(path)
        if path.suffix == ".keras":
            return _by_layer(keras.models.load_model(path, compile=False, safe_mode=True))
    except KerasclfError:
        raise
    except (OSError, KeyError, TypeError, ValueError, BadZipFile) as error:
        raise KerasclfError(f"{path} cannot be read as weights: {error}.") from error
    raise KerasclfError(f"weights: expected a file {FILE_FORMS}. Received: {str(path)!r}.")


def _read_keras_weights(path: Path, architecture: str) -> Weights:
    model = bare(architecture)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of what is missing, before the error that names it
            model.load_weights(path)
    except ValueError as error:
        layer = next((layer.name for layer in model.layers if f"name={layer.name}," in str(error)), "its first layer")
        raise _another(path, architecture, layer) from error
    return _by_layer(model)


def _read_legacy(path: Path) -> Weights:
    with h5py.File(path) as file:
        held = file.get("model_weights", file)
        names = [name for name in _names(held) if len(held[name].attrs["weight_names"])]
        arrays = [[np.array(held[name][w]) for w in held[name].attrs["weight_names"]] for name in names]
    return dict(zip(_own_names(names), arrays, strict=True))


def _names(held: h5py.Group) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else name for name in held.attrs["layer_names"]]


def _by_layer(model: keras.Model) -> Weights:
    """Returns the weights of all layers, those of nested models too; a Sequential is a layer, as in ConvNeXt."""
    layers = [layer for layer in model._flatten_layers() if layer.weights and not _is_nested(layer)]
    names = _own_names([layer.name for layer in layers])
    return {name: layer.get_weights() for name, layer in zip(names, layers, strict=True)}


def _is_nested(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.Model) and not isinstance(layer, keras.Sequential)


def _own_names(names: Sequence[str]) -> list[str]:
    """Returns names in which those that Keras numbered count from the first one of this network."""
    numbered = [(found[1], int(found[2] or 0), name) for name in names if (found := _NUMBERED.fullmatch(name))]
    own: dict[str, str] = {}
    for base, group in groupby(sorted(numbered), key=lambda found: found[0]):
        own |= {name: f"{base}_{i}" if i else base for i, (_, _, name) in enumerate(group)}
    return [own.get(name, name) for name in names]


def _copy(found: Weights, network: keras.Model, architecture: str, source: str) -> None:
    layers = [layer for layer in pretrained_layers(network) if layer.weights]
    for layer, name in zip(layers, _own_names([layer.name for layer in layers]), strict=True):
        arrays = found.get(name, [])
        shapes = [array.shape for array in arrays], [tuple(weight.shape) for weight in layer.weights]
        if shapes[0] != shapes[1]:
            detail = f": expected {shapes[1]}, received {shapes[0]}" if arrays else ", which it does not have"
            raise _another(source, architecture, f"{layer.name}{detail}")
        layer.set_weights(arrays)


def pretrained_layers(network: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a backbone below its head, or none where the network is no backbone."""
    names = [layer.name for layer in network.layers]
    return list(network.layers[: names.index(FEATURES) + 1]) if FEATURES in names else []


def _another(source: Path | str, architecture: str, layer: str) -> KerasclfError:
    return KerasclfError(
        f"{source} does not hold weights of {architecture}. The first layer that differs is {layer}. "
        f"Give the file that belongs to {architecture}, or another --backbone."
    )
