"""EfficientNet-Lite0, MobileNetV2 and SqueezeNet 1.1 in plain PyTorch (extra `bench`).

Strided convolutions have equal padding at both ends, as in torchvision, which needs no separate padding.
"""

from functools import partial

import torch
from torch import nn

# Of each stage: kernel, blocks, width, expansion, stride of the first block.
_Stages = tuple[tuple[int, int, int, int, int], ...]
_LITE0: _Stages = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1), (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)  # fmt: skip
_MOBILE: _Stages = (
    (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (3, 3, 32, 6, 2), (3, 4, 64, 6, 2), (3, 3, 96, 6, 1), (3, 3, 160, 6, 2),
    (3, 1, 320, 6, 1),
)  # fmt: skip
_STEM, _FEATURES = 32, 1280
# Stages before the last one that halves the image.
_LOWER = 5


def conv(before: int, after: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True) -> nn.Sequential:
    layer = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(layer, nn.BatchNorm2d(after, eps=1e-3), *([nn.ReLU6(True)] if relu else []))


class Inverted(nn.Module):
    """An inverted bottleneck: 1×1, depthwise and 1×1 convolutions, added to the input where shapes allow it."""

    def __init__(self, before: int, after: int, kernel: int, expansion: int, stride: int) -> None:
        super().__init__()
        middle = expansion * before
        expand = [conv(before, middle, 1)] if expansion > 1 else []
        depthwise = conv(middle, middle, kernel, stride, groups=middle)
        self.body = nn.Sequential(*expand, depthwise, conv(middle, after, 1, relu=False))
        self.adds = stride == 1 and before == after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.adds else self.body(x)


class Mobile(nn.Module):
    """A network of inverted bottlenecks in three parts: `lower`, `features` and `head`."""

    def __init__(self, stages: _Stages, classes: int, hidden: int) -> None:
        super().__init__()
        before, made = _STEM, []
        for kernel, blocks, width, expansion, stride in stages:
            shapes = zip([before] + [width] * (blocks - 1), [stride] + [1] * (blocks - 1), strict=True)
            made.append(nn.Sequential(*(Inverted(b, width, kernel, expansion, s) for b, s in shapes)))
            before = width
        self.lower = nn.Sequential(conv(3, _STEM, 3, 2), *made[:_LOWER])
        self.features = nn.Sequential(*made[_LOWER:], conv(before, _FEATURES, 1), *_pooled())
        self.head = head(_FEATURES, hidden, classes)


efficientnet_lite0 = partial(Mobile, _LITE0)
mobilenet_v2 = partial(Mobile, _MOBILE)


class Fire(nn.Module):
    """A 1×1 convolution, and a 1×1 and a 3×3 convolution of its output side by side."""

    def __init__(self, before: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Sequential(nn.Conv2d(before, squeeze, 1), nn.ReLU(True))
        self.small = nn.Conv2d(squeeze, expand, 1)
        self.large = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.squeeze(x)
        return torch.relu_(torch.cat([self.small(x), self.large(x)], 1))


class SqueezeNet(nn.Module):
    """SqueezeNet 1.1 in three parts: `lower`, `features` and `head`."""

    def __init__(self, classes: int, hidden: int) -> None:
        super().__init__()

        def pool() -> nn.Module:
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.lower = nn.Sequential(
            nn.Conv2d(3, 64, 3, 2), nn.ReLU(True), pool(), Fire(64, 16, 64), Fire(128, 16, 64),
            pool(), Fire(128, 32, 128), Fire(256, 32, 128), pool(),
        )  # fmt: skip
        fires = (Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256))
        self.features = nn.Sequential(*fires, *_pooled())
        self.head = head(512, hidden, classes)


def head(features: int, hidden: int, classes: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(features, hidden), nn.ReLU(True), nn.Linear(hidden, classes))


def _pooled() -> tuple[nn.Module, nn.Module]:
    return nn.AdaptiveAvgPool2d(1), nn.Flatten()
