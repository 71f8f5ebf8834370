"""The stages of a network, read from the names of its layers."""

import re
from collections.abc import Sequence

# How keras.applications number stages: ResNet and DenseNet; VGG, EfficientNet, MobileNetV2 and Xception; ConvNeXt.
_PATTERNS = (re.compile(r"^conv(\d+)_"), re.compile(r"^block_?(\d+)"), re.compile(r"_stage_(\d+)_"))


def stages_of(layer_names: Sequence[str]) -> dict[str, int]:
    """Returns the number of its stage for each layer whose name tells one.

    A numbering of one stage alone divides nothing and is passed over: MobileNet's `conv1_bn` is no first stage.

    Args:
        layer_names: The names of a network's layers, in any order.

    Returns:
        Stage numbers by layer name, as the names have them (ConvNeXt's begin at 0); empty for a network whose
        layers are not named by stage.
    """
    for pattern in _PATTERNS:
        found = {name: int(match.group(1)) for name in layer_names if (match := pattern.search(name))}
        if len(set(found.values())) > 1:
            return found
    return {}
