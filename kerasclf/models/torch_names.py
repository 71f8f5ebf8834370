"""What torchvision and timm call the layers of our networks."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# From the names of a network's layers, in its order, to what the other side calls each.
Naming = Callable[[Sequence[str]], dict[str, str]]


@dataclass(frozen=True)
class Family:
    """Networks whose layers are named alike.

    Args:
        sign: What the name of one of their layers, and of no other family's, matches.
        namings: By whom → how.
    """

    sign: re.Pattern
    namings: dict[str, Naming]


def family_of(layer_names: Sequence[str]) -> Family | None:
    """Returns the family of a network by the names of its layers, or None."""
    return next((known for known in FAMILIES if any(map(known.sign.fullmatch, layer_names))), None)


def _resnet(layer_names: Sequence[str]) -> dict[str, str]:
    """Names as in torchvision, which are timm's too."""
    block = re.compile(r"conv(\d)_block(\d+)_(\d)_(conv|bn)")
    names = {"conv1_conv": "conv1", "conv1_bn": "bn1", "logits": "fc"}
    for found in filter(None, map(block.fullmatch, layer_names)):
        stage, number, part, kind = found.groups()
        own = f"{kind}{part}" if part != "0" else f"downsample.{int(kind == 'bn')}"
        names[found[0]] = f"layer{int(stage) - 1}.{int(number) - 1}.{own}"
    return names


def _sequential(*top: str, layer_names: Sequence[str]) -> dict[str, str]:
    """Names by places: torchvision puts convolutions, normalisations, activations and poolings into one list.

    Args:
        top: The names of the dense layers, from the first.
        layer_names: Our names.
    """
    module = re.compile(r"(conv\d+(?:_\d+)?_(?:conv|bn|relu|pool)|conv\d+_fire\d+)(?:_(squeeze|expand1|expand3)_conv)?")
    found = [match for match in map(module.fullmatch, layer_names) if match]
    places: dict[str, int] = {}
    for match in found:
        places.setdefault(match[1], len(places))
    part = {None: "", "squeeze": ".squeeze", "expand1": ".expand1x1", "expand3": ".expand3x3"}
    names = {match[0]: f"features.{places[match[1]]}{part[match[2]]}" for match in found}
    dense = [name for name in layer_names if re.fullmatch(r"dense\d_dense|logits", name)]
    return names | dict(zip(dense, top, strict=False))


def _by_place(*top: str) -> Naming:
    return lambda layer_names: _sequential(*top, layer_names=layer_names)


FAMILIES = (
    Family(re.compile(r"conv2_block1_1_conv"), {"torchvision and timm": _resnet}),
    Family(re.compile(r"conv2_fire1_squeeze_conv"), {"torchvision": _by_place("classifier.1")}),
    Family(
        re.compile(r"conv1_1_conv"),
        {
            "torchvision": _by_place("classifier.0", "classifier.3", "classifier.6"),
            "timm": _by_place("pre_logits.fc1", "pre_logits.fc2", "head.fc"),
        },
    ),
    Family(re.compile(r"conv5_conv"), {"torchvision": _by_place("classifier.1", "classifier.4", "classifier.6")}),
)
