"""Pretrained weights for a network: downloaded, or from a file."""

from pathlib import Path

import keras

from kerasclf.errors import KerasclfError
from kerasclf.models.backbones import BACKBONES, bare
from kerasclf.models.catalogue import CATALOGUE
from kerasclf.models.heads import FEATURES
from kerasclf.models.weights.keras_files import Weights, another_network, by_layer, own_names, read_keras_file
from kerasclf.models.weights.published import PUBLISHED, published_file
from kerasclf.models.weights.torch_files import TORCH_FORMS, read_torch_file
from kerasclf.models.weights.torch_weights import classes_of, match_torch

FILE_FORMS = (
    ".keras (a saved model), .safetensors, .pth (as torchvision and timm have them), .weights.h5 (Keras 3) or "
    ".h5 (as keras.applications has them)"
)


def find_pretrained(architecture: str, weights: str) -> Weights:
    """Returns the pretrained weights of a network by layer; nothing for `"none"`.

    Args:
        architecture: A key of `CATALOGUE`.
        weights: As `load_pretrained` takes them.

    Raises:
        KerasclfError: The network has no pretrained weights, or they cannot be had.
    """
    if weights == "none":
        return {}
    if weights != "imagenet":
        return _read(Path(weights).expanduser(), architecture)
    if architecture in BACKBONES:
        return _download(architecture)
    if architecture in PUBLISHED:
        return _read(published_file(architecture), architecture)
    raise KerasclfError(
        f"weights: {architecture} has no ImageNet weights. Networks that have: {', '.join([*PUBLISHED, *BACKBONES])}. "
        "Give a file, or 'none'."
    )


def load_pretrained(
    network: keras.Model, architecture: str, weights: str, top: bool = False, found: Weights | None = None
) -> None:
    """Gives a network pretrained weights: the layers below its features, or all of them.

    Args:
        network: What `build` made, with a layer of features that the head stands on.
        architecture: Its name in `CATALOGUE`.
        weights: `"imagenet"`, which is downloaded once; `"none"` leaves the network as it is, with random weights;
            or a file: a saved `.keras` model that contains the same layers (such as a run's model.keras), a
            `.safetensors` or `.pth` with torchvision's or timm's names, or a `.weights.h5` or `.h5` of the network of
            keras.applications without top.
        top: Whether the layers above the features get theirs too.
        found: What `find_pretrained` returned of them, where that was asked already; they are read where None.

    Raises:
        KerasclfError: The network has no pretrained weights, they cannot be had, or the file is another network's;
            the message names the first layer that differs.
    """
    if weights == "none":
        return
    found = find_pretrained(architecture, weights) if found is None else found
    layers = network.layers if top else pretrained_layers(network)
    if not layers:
        raise KerasclfError(
            f"{network.name} ends with a top of its own, all of which would be new or none. Give it a head, which "
            "stands on its features: model_args={'head': ()}, or widths such as (512, 128)."
        )
    _copy(found, [layer for layer in layers if layer.weights], architecture, weights)


def pretrained_layers(network: keras.Model) -> list[keras.Layer]:
    """Returns the layers of a network up to its features, or none where no layer is known as that."""
    names = [layer.name for layer in network.layers]
    return list(network.layers[: names.index(FEATURES) + 1]) if FEATURES in names else []


def _download(architecture: str) -> Weights:
    try:
        return by_layer(bare(architecture, "imagenet"))
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
    if path.suffix in TORCH_FORMS:
        tensors = read_torch_file(path)
        return match_torch(CATALOGUE[architecture](num_classes=classes_of(tensors)), tensors, path)
    if path.suffix in (".keras", ".h5"):
        return read_keras_file(path, architecture)
    raise KerasclfError(f"weights: expected a file {FILE_FORMS}. Received: {str(path)!r}.")


def _copy(found: Weights, layers: list[keras.Layer], architecture: str, source: str) -> None:
    for layer, name in zip(layers, own_names([layer.name for layer in layers]), strict=True):
        arrays = found.get(name, [])
        shapes = [array.shape for array in arrays], [tuple(weight.shape) for weight in layer.weights]
        if shapes[0] != shapes[1]:
            detail = f": expected {shapes[1]}, received {shapes[0]}" if arrays else ", which it does not have"
            raise another_network(source, architecture, f"{layer.name}{detail}")
        layer.set_weights(arrays)
