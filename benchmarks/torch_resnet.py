"""ResNet50 in plain PyTorch (extra `bench`).

Strides are on the first 1×1 convolution of a block, as in keras.applications, to make both networks equally large.
"""

import torch
from torch import nn

# Blocks and width of each stage.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))


def conv(before: int, after: int, size: int, stride: int = 1) -> nn.Sequential:
    layer = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(after))


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions with a shortcut."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        after = 4 * width
        self.body = nn.Sequential(
            conv(before, width, 1, stride), nn.ReLU(True), conv(width, width, 3), nn.ReLU(True), conv(width, after, 1)
        )
        self.shortcut = nn.Identity() if before == after else conv(before, after, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu_(self.body(x) + self.shortcut(x))


class ResNet50(nn.Module):
    """ResNet50 in three parts: `lower` below the last stage, `features` (last stage and pooling) and `head`."""

    def __init__(self, classes: int, hidden: int) -> None:
        super().__init__()
        before, stages = 64, []
        for number, (blocks, width) in enumerate(_STAGES):
            strides = [2 if number else 1] + [1] * (blocks - 1)
            widths = [before] + [4 * width] * (blocks - 1)
            before = 4 * width
            stages.append(nn.Sequential(*(Bottleneck(b, width, s) for b, s in zip(widths, strides, strict=True))))
        self.lower = nn.Sequential(conv(3, 64, 7, 2), nn.ReLU(True), nn.MaxPool2d(3, 2, 1), *stages[:-1])
        self.features = nn.Sequential(stages[-1], nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Sequential(nn.Linear(before, hidden), nn.ReLU(True), nn.Linear(hidden, classes))
