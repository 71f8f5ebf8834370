"""Checks of a network's name, arguments, weights and image size. Needs no TensorFlow, which takes seconds to start.

The builders check their arguments again, and more thoroughly.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kerasclf.errors import KerasclfError, did_you_mean, in_short, unknown
from kerasclf.files.home_folders import expanded
from kerasclf.networks.network_list import Entry, read_list
from kerasclf.networks.network_source import FORMS, is_own, source_digest
from kerasclf.values import whole_number

# Arguments of `build` that replace a network's own top by a new head.
HEAD_ARGUMENTS = ("head", "head_activation", "head_dropout", "head_batch_norm", "pooling")
POOLINGS = ("avg", "max", "flatten")
TORCH_FORMS = (".safetensors", ".pth", ".pt")
KERAS_FORMS = (".keras", ".h5")
# Families of the catalogue that torchvision or timm has too. Their files of weights have tensors of the same layers.
TORCH_FAMILIES = ("alexnet", "vgg", "squeezenet", "resnet", "convnext", "efficientnet_lite")
_MAX_LISTED = 12  # files in a message


@functools.cache
def known_networks() -> Mapping[str, Entry]:
    """Returns the networks of the catalogue by name."""
    return {entry.name: entry for entry in read_list().entries}


def argument_problems(name: str, arguments: Mapping[str, Any]) -> list[str]:
    """Returns what is wrong with the name of a network, with the names of its arguments and with its head.

    The arguments of a user's own function are known when it runs.
    """
    found, known = name_problems(name), known_networks().get(name)
    if known is not None:
        names = [*known.arguments, *HEAD_ARGUMENTS]
        found = [unknown(f"argument of {name}", argument, names) for argument in arguments if argument not in names]
    elif not is_own(name):
        return found
    head = {name: arguments[name] for name in ("head", "head_dropout", "pooling") if name in arguments}
    return found + head_problems(**head)


def name_problems(name: str) -> list[str]:
    """Returns what is wrong with the name of a network, or with the file of a user's own one, which does not run."""
    if not is_own(name):
        return [] if name in known_networks() else [unknown_network(name, known_networks())]
    try:
        source_digest(name)
    except KerasclfError as error:
        return [str(error)]
    return []


def unknown_network(name: str, known: Iterable[str]) -> str:
    """Returns the message for an unknown network."""
    return f"{unknown('model', name, known)} For your own network, give {FORMS}."


def head_problems(head: Sequence[int] | str = (), head_dropout: float = 0.0, pooling: str = "avg") -> list[str]:
    """Returns what is wrong with the arguments of a head, one message each."""
    problems = []
    if not all(map(whole_number, head_widths(head))):
        expected = "widths of at least 1, such as (512, 128) or '512-128'"
        problems.append(f"head: expected {expected}. Received: {in_short(head)}.")
    if not 0 <= head_dropout < 1:
        problems.append(f"head_dropout: expected a share from 0 to below 1. Received: {head_dropout}.")
    if pooling not in POOLINGS:
        problems.append(f"pooling: expected one of {', '.join(map(repr, POOLINGS))}. Received: {pooling!r}.")
    return problems


def head_widths(head: Sequence[int] | str) -> list[str]:
    """Returns the widths of a head as texts."""
    if isinstance(head, str):
        return head.split("-") if head else []
    return [str(units) for units in head]


def has_convolutions(name: str, unfreeze: str) -> bool:
    """Returns whether a network has the convolutional layers of an `unfreeze` setting such as `"last30"`.

    A last stage needs one. Other settings, and a user's own network, are known when the network is built.
    """
    known, wanted = known_networks().get(name), re.fullmatch(r"last(_stage|\d{1,9})", unfreeze)
    if known is None or wanted is None:
        return True
    return known.convolutions >= (1 if wanted[1] == "_stage" else int(wanted[1]))


def unfreeze_problems(name: str, arguments: Mapping[str, Any], unfreeze: str) -> list[str]:
    """Returns a message if a known network with a new head has too few convolutional layers for an `unfreeze` setting.

    Args:
        name: Name of the network.
        arguments: Its arguments. Those of the builder can change the layers, which are then not checked.
        unfreeze: The setting.
    """
    # The network's own top may have a convolutional layer, too.
    if "head" not in arguments or not set(arguments) <= set(HEAD_ARGUMENTS) or has_convolutions(name, unfreeze):
        return []
    number = known_networks()[name].convolutions
    expected = f"'head', 'all' or 'last1' to 'last{number}'" if number else "'head', 'all' or 'from:LAYER'"
    return [f"unfreeze: {name} has {number or 'no'} convolutional layers. Expected {expected}. Received: {unfreeze!r}."]


def has_batch_norm(name: str) -> bool:
    """Returns whether a network has batch normalisation; True for a user's own one, which is not built yet."""
    known = known_networks().get(name)
    return known is None or known.batch_norm


def weights_file(name: str, weights: str) -> str:
    """Returns the file of a network in a folder of weights; any other source of weights as it is.

    A folder without exactly one file of the network stays as it is, for `weights_problems` to report.

    Args:
        name: Name of the network.
        weights: Source of the weights.
    """
    folder = expanded(weights)
    found = weights_in(folder, name) if folder.is_dir() else []
    return str(Path(weights) / found[0].name) if len(found) == 1 else weights


def weights_in(folder: Path, name: str) -> list[Path]:
    """Returns the files of weights in a folder that a network can take, and whose name starts with its own.

    `resnet50-0676ba61.pth` is of resnet50, and `vgg11_bn.pth` of vgg11_bn alone. An `.h5` file of keras.applications
    is of keras_resnet50, too, if it is named after ResNet50.
    """
    return sorted(path for path in folder.iterdir() if _fits(name, path) and _network_of(path) == name)


def _network_of(path: Path) -> str | None:
    """Returns the network after which a file of weights is named; None if there is none."""
    file = path.name.lower()
    named = [name for name in known_networks() if re.match(rf"{name}(?![a-z0-9])", file)]
    if not named:
        return None
    name = max(named, key=len)
    keras_name = f"keras_{name}"
    return keras_name if path.suffix == ".h5" and keras_name in known_networks() else name


def weights_problems(name: str, weights: str) -> list[str]:
    """Returns what is wrong with the source of a known network's pretrained weights. It does not read a file."""
    known = known_networks().get(name)
    if known is None or weights == "none":
        return []
    if weights == "imagenet":
        return [] if known.imagenet else [no_imagenet_weights(name, known_networks().values())]
    path = expanded(weights)
    if path.is_dir():
        return [_folder_problem(name, path)]
    if not path.is_file():
        imagenet = "'imagenet', " if known.imagenet else ""
        expected = f"{imagenet}'none' or a file: {file_forms(name)}"
        near = did_you_mean(weights, ("imagenet", "none"))
        return [f"weights: expected {expected}. Received: {weights!r}, which does not exist.{near}"]
    problem = form_problem(name, path)
    return [] if problem is None else [problem]


def reads_torch_files(name: str) -> bool:
    """Returns whether a network can take weights of PyTorch; True for an unknown one."""
    known = known_networks().get(name)
    return known is None or known.family in TORCH_FAMILIES


def _reads_keras_weights(name: str) -> bool:
    """Returns whether a network can take the files of keras.applications; True for an unknown one."""
    known = known_networks().get(name)
    return known is None or known.family == "backbones"


def file_forms(name: str) -> str:
    """Returns the forms of files of weights that a network can take, for a message."""
    forms = [".keras (a saved model)"]
    if reads_torch_files(name):
        forms.append(".safetensors or .pth (with the names of torchvision or timm)")
    if _reads_keras_weights(name):
        forms.append(".weights.h5 (Keras 3) or .h5 (of keras.applications)")
    return ", ".join(forms)


def form_problem(name: str, path: Path) -> str | None:
    """Returns why a network cannot take weights from a file of this form; None if it can. It does not read the file.

    Args:
        name: Name of the network.
        path: The file.
    """
    if _fits(name, path):
        return None
    return f"weights: expected a file {file_forms(name)} for {name}. Received: {str(path)!r}."


def _fits(name: str, path: Path) -> bool:
    """Returns whether a network can take weights from a file of this form."""
    torch, keras = reads_torch_files(name), _reads_keras_weights(name)
    return path.suffix in (".keras", *(TORCH_FORMS if torch else ()), *((".h5",) if keras else ()))


def normalizes_itself(name: str, arguments: Mapping[str, Any]) -> bool:
    """Returns whether a network of the catalogue takes pixels 0–255 and normalises them in its first layers.

    Args:
        name: Name of the network.
        arguments: Its arguments. `preprocess=None` leaves the normalisation out.
    """
    known = known_networks().get(name)
    if known is None:
        return False
    preprocesses = "preprocess" in known.arguments and arguments.get("preprocess", "its own") is not None
    return known.family == "backbones" or preprocesses


def _folder_problem(name: str, folder: Path) -> str:
    """Returns why a folder of weights cannot be used for a network."""
    found = [path.name for path in weights_in(folder, name)]
    if len(found) == 1:  # a study finds the file itself
        return f"weights: expected a file. Received the folder {str(folder)!r}. Give {str(folder / found[0])!r}."
    forms = (*TORCH_FORMS, *KERAS_FORMS)
    others = found or sorted(path.name for path in folder.iterdir() if path.suffix in forms)
    listed = ", ".join(others[:_MAX_LISTED]) + (" …" if len(others) > _MAX_LISTED else "") if others else "no weights"
    return (
        f"weights: expected one file of {name} in the folder {str(folder)!r}, such as {_example_files(name)}. "
        f"Received {len(found)}; the folder holds {listed}."
    )


def _example_files(name: str) -> str:
    """Returns names of files for a network in a folder of weights."""
    suffixes = [".safetensors", ".pth"] if reads_torch_files(name) else []
    suffixes += [".weights.h5", ".h5"] if _reads_keras_weights(name) else []
    return " or ".join(filter(None, [", ".join(f"{name}{suffix}" for suffix in suffixes), f"{name}.keras"]))


def no_imagenet_weights(name: str, entries: Iterable[Entry]) -> str:
    """Returns the message for a network without ImageNet weights."""
    names = ", ".join(entry.name for entry in entries if entry.imagenet)
    return (
        f"weights: {name} has no ImageNet weights. Give a file, or 'none' for random weights. Networks with ImageNet "
        f"weights: {names}."
    )


def size_problems(name: str, arguments: Mapping[str, Any], size: tuple[int, int] | None) -> list[str]:
    """Returns a message if images are smaller than a known network's minimum.

    Args:
        name: Name of the network.
        arguments: Its arguments. Those of the builder can change the minimum, which is then not checked.
        size: Height and width in pixels; None if they are unknown.
    """
    known = known_networks().get(name)
    if known is None or size is None or not set(arguments) <= set(HEAD_ARGUMENTS) or min(size) >= known.least:
        return []
    return [
        f"image_size: {name} needs images of at least {known.least}x{known.least} pixels. "
        f"Received: {size[0]}x{size[1]}."
    ]
