"""Descriptions of networks, without building them."""

import inspect
import sys
from functools import partial
from typing import Any

from kerasclf.errors import KerasclfError
from kerasclf.models.backbones import BACKBONES
from kerasclf.models.catalogue import CATALOGUE, Builder, find_builder, own_arguments
from kerasclf.models.weights.published import PUBLISHED
from kerasclf.networks.network_list import Entry

# Sizes for a network whose function states none.
_USUAL: dict[str, Any] = {"input_shape": (32, 32, 3), "num_classes": 10}


def description(name: str) -> str:
    """Returns a network's description and paper: the text of its builder's docstring before the arguments.

    Raises:
        KerasclfError: If the network is unknown.
    """
    text = docstring(find_builder(name)).partition("Args:")[0].strip()
    return f"{text} {BACKBONES[name].paper}." if name in BACKBONES else text


def default_sizes(name: str) -> tuple[tuple[int, ...], int]:
    """Returns a network's default input shape and number of classes; 32×32×3 and 10 if its function has no defaults.

    Raises:
        KerasclfError: If the network is unknown.
    """
    parameters = inspect.signature(find_builder(name)).parameters
    sizes = {size: parameters[size].default for size in _USUAL if size in parameters}
    stated = {size: value for size, value in sizes.items() if value is not inspect.Parameter.empty}
    shape, classes = {**_USUAL, **stated}.values()
    return tuple(shape), classes


def least_input_size(name: str) -> int:
    """Returns the minimum height and width of a network's input, in pixels.

    A builder states this minimum in its error for images without pixels, before it builds anything.

    Raises:
        KerasclfError: If the network is unknown.
    """
    builder = find_builder(name)
    try:
        builder(input_shape=(0, 0, 3), num_classes=2)
    except KerasclfError as error:
        # A network that also takes rows of features has no minimum.
        return getattr(error, "least", 1)
    raise AssertionError(f"unreachable: {name} accepts images without pixels")


def entry(name: str, parameters: int, convolutions: int, batch_norm: bool) -> Entry:
    """Returns a network's entry in the list.

    Args:
        name: A key of `CATALOGUE`.
        parameters: Number of its trainable parameters.
        convolutions: Number of convolutional layers below its top.
        batch_norm: Whether it has batch normalisation.
    """
    family = _module(CATALOGUE[name]).rpartition(".")[2]
    return Entry(
        name,
        family,
        _sentence(name),
        parameters,
        *default_sizes(name),
        least=least_input_size(name),
        imagenet=name in BACKBONES or name in PUBLISHED,
        arguments=tuple(own_arguments(CATALOGUE[name])),
        convolutions=convolutions,
        batch_norm=batch_norm,
    )


def families() -> dict[str, str]:
    """Returns the families in the order of the catalogue, each with the first sentence of its module's docstring."""
    modules = dict.fromkeys(_module(builder) for builder in CATALOGUE.values())
    sentences = {name: (sys.modules[name].__doc__ or "").strip().partition("\n")[0] for name in modules}
    return {name.rpartition(".")[2]: sentence.rstrip(".") for name, sentence in sentences.items()}


def docstring(builder: Builder) -> str:
    """Returns a builder's docstring; for a variant, that of the function that builds its family."""
    return inspect.getdoc(_function(builder)) or ""


def _function(builder: Builder) -> Builder:
    return builder.func if isinstance(builder, partial) else builder


def _module(builder: Builder) -> str:
    return _function(builder).__module__


def _sentence(name: str) -> str:
    builder = CATALOGUE[name]
    if name in BACKBONES:
        return BACKBONES[name].paper
    if isinstance(builder, partial):
        # The family's sentence describes all variants; only the differences remain.
        differences = {key: value for key, value in builder.keywords.items() if key not in ("name", *_USUAL)}
        return ", ".join(f"{key}={value!r}" for key, value in differences.items())
    first = " ".join(description(name).partition("\n\n")[0].split()).removeprefix("Builds ").rstrip(".")
    return first[:1].upper() + first[1:]
