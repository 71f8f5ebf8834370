"""Loads pretrained weights into a network, downloaded or from a file."""

import functools
from pathlib import Path
from typing import NamedTuple

import keras

from kerasclf.errors import KerasclfError, WeightsError
from kerasclf.files.home_folders import expanded
from kerasclf.models.backbones import BACKBONES, bare
from kerasclf.models.catalogue import find_builder
from kerasclf.models.heads import FEATURES
from kerasclf.models.weights.keras_files import Weights, another_network, by_layer, own_names, read_keras_file
from kerasclf.models.weights.published import PUBLISHED, published_file
from kerasclf.models.weights.torch_files import read_torch_file
from kerasclf.models.weights.torch_weights import classes_of, match_torch
from kerasclf.networks.network_checks import TORCH_FORMS, file_forms, form_problem, weights_file
from kerasclf.networks.network_source import is_own

# Networks whose weights are kept: more than a study compares. It reads those of any further networks again and again.
_KEPT = 16


class WeightsChoice(NamedTuple):
    """The weights from which a lesson starts.

    Args:
        weights: Their source, as `Transfer` takes it: `"imagenet"`, a file, or `"none"` if there are none.
        notice: Message for the user if there are none; otherwise empty.
    """

    weights: str
    notice: str


def default_weights(architecture: str, preferred: str = "imagenet") -> WeightsChoice:
    """Returns the preferred weights of a network if they are available, and otherwise `"none"` with a notice.

    Args:
        architecture: Its name, as for `build`.
        preferred: As for `load_pretrained`, or a folder with a file that is named after the network.
    """
    weights = weights_file(architecture, preferred)
    try:
        find_pretrained(architecture, weights)
    except KerasclfError as error:
        notice = "Using random weights instead; they show random features, not transfer learning."
        return WeightsChoice("none", f"{error}\n{notice}")
    return WeightsChoice(weights, "")


def find_pretrained(architecture: str, weights: str) -> Weights:
    """Returns the pretrained weights of a network by layer; empty for `"none"`.

    It keeps the weights of the last networks: reading them builds the network once more, which takes seconds.

    Args:
        architecture: Its name, as for `build`.
        weights: As for `load_pretrained`.

    Raises:
        KerasclfError: If the network has no pretrained weights, or they are not available.
    """
    if weights in ("none", architecture):  # a saved network has its weights already
        return {}
    if weights != "imagenet":
        return _read(architecture, expanded(weights))
    if architecture in BACKBONES:
        return _kept(architecture, None)
    if architecture in PUBLISHED:
        return _read(architecture, published_file(architecture))
    raise KerasclfError(
        f"weights: {architecture} has no ImageNet weights. Give a file, or 'none'. Networks with ImageNet weights: "
        f"{', '.join([*PUBLISHED, *BACKBONES])}."
    )


def load_pretrained(network: keras.Model, architecture: str, weights: str, top: bool = False) -> None:
    """Loads pretrained weights into a network: up to its features, or into all layers.

    Args:
        network: A network from `build`, with a layer of features below its head.
        architecture: Its name, as for `build`.
        weights: `"imagenet"`, downloaded once; `"none"`, which leaves the network unchanged; or a file. The file is a
            saved `.keras` model that contains the same layers (such as a run's model.keras), a `.safetensors` or `.pth`
            with the names of torchvision or timm, or a `.weights.h5` or `.h5` of the network of keras.applications
            without top.
        top: Whether to load the layers above the features too.

    Raises:
        KerasclfError: If the network has no pretrained weights, they are not available, or the file belongs to another
            network; the message then names the first layer that differs.
    """
    if weights in ("none", architecture):
        return
    found = find_pretrained(architecture, weights)
    layers = network.layers if top else pretrained_layers(network)
    if not layers:
        raise KerasclfError(
            f"Expected a network with a layer of features below its head. Received: {network.name} with its own top. "
            "Give it a new head: model_args={'head': ()}, or widths such as (512, 128)."
        )
    _copy(found, [layer for layer in layers if layer.weights], architecture, weights)


def pretrained_layers(network: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a network up to its features; empty if it has no layer of features."""
    names = [layer.name for layer in network.layers]
    return list(network.layers[: names.index(FEATURES) + 1]) if FEATURES in names else []


def _downloaded(architecture: str) -> Weights:
    try:
        return by_layer(bare(architecture, "imagenet"))
    except Exception as error:  # Keras raises a bare Exception if a download fails
        raise WeightsError(
            f"The ImageNet weights of {architecture} are not on this machine and could not be downloaded ({error}). "
            "Give a file as `weights`, or 'none' to start from random weights. keras.applications stores its downloads "
            "in ~/.keras/models; copy the file from a machine with a network connection."
        ) from error


def _read(architecture: str, path: Path) -> Weights:
    if not path.is_file():
        raise KerasclfError(
            f"weights: expected 'imagenet', 'none' or a file: {file_forms(architecture)}. Received: {str(path)!r}, "
            "which does not exist."
        )
    if is_own(architecture) and path.suffix != ".keras":
        raise KerasclfError(
            f"weights: expected a .keras file for {architecture}, as other files follow the names of known networks. "
            f"Received: {str(path)!r}."
        )
    if problem := form_problem(architecture, path):
        raise KerasclfError(problem)
    about = path.stat()
    return _kept(architecture, path, (about.st_ino, about.st_size, about.st_mtime_ns))


@functools.lru_cache(_KEPT)
def _kept(architecture: str, path: Path | None, version: tuple[int, ...] = ()) -> Weights:
    """Reads a file, of which another version has another inode, size or time; None downloads the weights."""
    if path is None:
        return _downloaded(architecture)
    if path.suffix in TORCH_FORMS:
        tensors = read_torch_file(path)
        return match_torch(find_builder(architecture)(num_classes=classes_of(tensors)), tensors, path)
    return read_keras_file(path, architecture)


def _copy(found: Weights, layers: list[keras.Layer], architecture: str, source: str) -> None:
    for layer, name in zip(layers, own_names(layers), strict=True):
        arrays = found.get(name, [])
        shapes = [array.shape for array in arrays], [tuple(weight.shape) for weight in layer.weights]
        if shapes[0] != shapes[1]:
            detail = f": expected {shapes[1]}, received {shapes[0]}" if arrays else ", which is missing"
            raise another_network(source, architecture, f"{layer.name}{detail}")
        layer.set_weights(arrays)
