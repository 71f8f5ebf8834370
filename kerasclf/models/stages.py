"""Finds the stages of a network by the names of its layers, and what counts as a convolutional layer."""

import re
from collections.abc import Sequence

import keras

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)

# Names of keras.applications: ResNet and DenseNet; VGG, EfficientNet, MobileNetV2 and Xception; ConvNeXt.
_PATTERNS = (re.compile(r"^conv(\d+)_"), re.compile(r"^block_?(\d+)"), re.compile(r"_stage_(\d+)_"))


def stages_of(layer_names: Sequence[str]) -> dict[str, int]:
    """Returns the stage of each layer that has a stage in its name.

    A pattern that finds only one stage is ignored: MobileNet's `conv1_bn` does not mark a first stage.

    Args:
        layer_names: Names of a network's layers, in any order.

    Returns:
        Stage numbers by layer name, as in the names (ConvNeXt's start at 0); empty if the layers are not named by
        stage.
    """
    for pattern in _PATTERNS:
        found = {name: int(match.group(1)) for name in layer_names if (match := pattern.search(name))}
        if len(set(found.values())) > 1:
            return found
    return {}
