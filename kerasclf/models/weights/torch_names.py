"""The names of layers in torchvision and timm."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

# Names of a network's layers, in order → the other library's name of each.
Naming = Callable[[Sequence[str]], dict[str, str]]


@dataclass(frozen=True)
class Family:
    """Networks with the same layer names.

    Args:
        sign: Pattern that matches a layer name of this family and of no other family.
        namings: Name of the library → its names of the layers.
    """

    sign: re.Pattern
    namings: dict[str, Naming]


def family_of(layer_names: Sequence[str]) -> Family | None:
    """Returns the family to which a network belongs by the names of its layers, or None."""
    return next((known for known in FAMILIES if any(map(known.sign.fullmatch, layer_names))), None)


def _resnet(layer_names: Sequence[str]) -> dict[str, str]:
    """Returns the names of torchvision and timm, which are the same."""
    block = re.compile(r"conv(\d)_block(\d+)_(\d)_(conv|bn)")
    names = {"conv1_conv": "conv1", "conv1_bn": "bn1", "logits": "fc"}
    for stage, number, part, kind in _groups(block, layer_names):
        last = f"{kind}{part}" if part != "0" else f"downsample.{int(kind == 'bn')}"
        names[f"conv{stage}_block{number}_{part}_{kind}"] = f"layer{int(stage) - 1}.{int(number) - 1}.{last}"
    return names


def _sequential(*top: str, layer_names: Sequence[str]) -> dict[str, str]:
    """Returns names by index: torchvision lists convolutions, normalisations, activations and poolings together.

    Args:
        top: Names of the dense layers, in order.
        layer_names: Names of our layers, in order.
    """
    module = re.compile(r"(conv\d+(?:_\d+)?_(?:conv|bn|relu|pool)|conv\d+_fire\d+)(?:_(squeeze|expand1|expand3)_conv)?")
    found = [match for match in map(module.fullmatch, layer_names) if match]
    indices: dict[str, int] = {}
    for match in found:
        indices.setdefault(match[1], len(indices))
    part = {None: "", "squeeze": ".squeeze", "expand1": ".expand1x1", "expand3": ".expand3x3"}
    names = {match[0]: f"features.{indices[match[1]]}{part[match[2]]}" for match in found}
    dense = [name for name in layer_names if re.fullmatch(r"dense\d_dense|logits", name)]
    return names | dict(zip(dense, top, strict=False))


_CONVNEXT_BLOCK = re.compile(r"conv(\d)_block(\d+)_(dwconv|norm|expand|project|scale)")
_CONVNEXT_DOWN = re.compile(r"conv(\d)_down_(norm|conv)")


def _convnext(layer_names: Sequence[str]) -> dict[str, str]:
    """Returns torchvision's names. Its list alternates stages and the layers that halve the image."""
    parts = {
        "dwconv": "block.0", "norm": "block.2", "expand": "block.3", "project": "block.5", "scale": "layer_scale",
    }  # fmt: skip
    names = {
        "conv1_conv": "features.0.0",
        "conv1_norm": "features.0.1",
        "norm": "classifier.0",
        "logits": "classifier.2",
    }
    for stage, block, part in _groups(_CONVNEXT_BLOCK, layer_names):
        names[f"conv{stage}_block{block}_{part}"] = f"features.{2 * int(stage) - 3}.{int(block) - 1}.{parts[part]}"
    for stage, part in _groups(_CONVNEXT_DOWN, layer_names):
        names[f"conv{stage}_down_{part}"] = f"features.{2 * int(stage) - 4}.{int(part == 'conv')}"
    return names


def _convnext_of_timm(layer_names: Sequence[str]) -> dict[str, str]:
    parts = {"dwconv": "conv_dw", "norm": "norm", "expand": "mlp.fc1", "project": "mlp.fc2", "scale": "gamma"}
    names = {"conv1_conv": "stem.0", "conv1_norm": "stem.1", "norm": "head.norm", "logits": "head.fc"}
    for stage, block, part in _groups(_CONVNEXT_BLOCK, layer_names):
        names[f"conv{stage}_block{block}_{part}"] = f"stages.{int(stage) - 2}.blocks.{int(block) - 1}.{parts[part]}"
    for stage, part in _groups(_CONVNEXT_DOWN, layer_names):
        names[f"conv{stage}_down_{part}"] = f"stages.{int(stage) - 2}.downsample.{int(part == 'conv')}"
    return names


_LITE_BLOCK = re.compile(r"conv(\d)_block(\d+)_(expand|depthwise|project)_(conv|bn)")


def _efficientnet_lite_of_timm(layer_names: Sequence[str]) -> dict[str, str]:
    names = {
        "conv1_conv": "conv_stem",
        "conv1_bn": "bn1",
        "conv9_conv": "conv_head",
        "conv9_bn": "bn2",
        "logits": "classifier",
    }
    expanding = {"expand": ("conv_pw", "bn1"), "depthwise": ("conv_dw", "bn2"), "project": ("conv_pwl", "bn3")}
    plain = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")}
    for stage, block, part, kind in _groups(_LITE_BLOCK, layer_names):
        parts = plain if stage == "2" else expanding
        last = parts[part][kind == "bn"]
        names[f"conv{stage}_block{block}_{part}_{kind}"] = f"blocks.{int(stage) - 2}.{int(block) - 1}.{last}"
    return names


def _groups(pattern: re.Pattern, layer_names: Sequence[str]) -> list[tuple[str, ...]]:
    return [found.groups() for found in map(pattern.fullmatch, layer_names) if found]


def _by_index(*top: str) -> Naming:
    return lambda layer_names: _sequential(*top, layer_names=layer_names)


FAMILIES = (
    Family(re.compile(r"conv1_norm"), {"torchvision": _convnext, "timm": _convnext_of_timm}),
    Family(re.compile(r"conv2_block1_depthwise_conv"), {"timm": _efficientnet_lite_of_timm}),
    Family(re.compile(r"conv2_block1_1_conv"), {"torchvision and timm": _resnet}),
    Family(re.compile(r"conv2_fire1_squeeze_conv"), {"torchvision": _by_index("classifier.1")}),
    Family(
        re.compile(r"conv1_1_conv"),
        {
            "torchvision": _by_index("classifier.0", "classifier.3", "classifier.6"),
            "timm": _by_index("pre_logits.fc1", "pre_logits.fc2", "head.fc"),
        },
    ),
    Family(re.compile(r"conv5_conv"), {"torchvision": _by_index("classifier.1", "classifier.4", "classifier.6")}),
)
