"""The networks of the catalogue in plain PyTorch, and the speed of a plain training loop (extra `bench`).

The large networks come from torchvision. This file has the small ones and the ladder from ResNet to ConvNeXt.
"""

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
import torchvision
from numpy.typing import NDArray
from torch import nn

from kerasclf.machine.resources import usable_cores


def build(name: str, side: int, classes: int) -> nn.Module:
    """Returns the network that kerasclf builds under the same name, for square colour images."""
    if name in SMALL:
        return SMALL[name](classes)
    family, _, step = name.partition(":")
    if family == "resnet_to_convnext":
        return ladder(int(step), classes)
    network: nn.Module = torchvision.models.get_model(name, num_classes=classes)
    if name.startswith("resnet") and side < 64:  # the 3×3 stem without pooling
        network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    return network


def training_rate(name: str, images: NDArray[np.float32], labels: NDArray[np.int64], batch: int, epochs: int) -> float:
    """Returns images/s of an optimised plain loop, the median of the epochs after the first.

    Args:
        name: Name of the network.
        images: Images, shape (n, side, side, 3).
        labels: Labels, shape (n,).
        batch: Images per step.
        epochs: Number of epochs, at least 2.
    """
    torch.set_num_threads(usable_cores())
    torch.manual_seed(0)
    model = build(name, images.shape[1], int(labels.max()) + 1).to(memory_format=torch.channels_last).train()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2)).contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(labels)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=True)
    rates = []
    for _ in range(epochs):
        began = time.perf_counter()
        for chosen in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
        rates.append(len(x) / (time.perf_counter() - began))
    return float(np.median(rates[1:]))


def basenet(classes: int) -> nn.Module:
    return nn.Sequential(*convs((3, 6, 5, 0), (6, 16, 5, 0)), *dense(400, 50), nn.Linear(50, classes))


def default_conv(classes: int) -> nn.Module:
    return nn.Sequential(*convs((3, 6, 5, 0), (6, 16, 5, 0)), *dense(400, 120, 84), nn.Linear(84, classes))


def simple_cnn(classes: int) -> nn.Module:
    return nn.Sequential(*convs((3, 32, 3, 1), (32, 64, 3, 1)), *dense(64 * 8 * 8, 512), nn.Linear(512, classes))


def course_cnn(classes: int) -> nn.Module:
    return nn.Sequential(
        *convs((3, 16, 5, 2), (16, 32, 5, 2), dropout=0.2), nn.Flatten(), nn.Linear(32 * 8 * 8, classes)
    )


def mlp(classes: int) -> nn.Module:
    return nn.Sequential(*dense(3072, 100), nn.Linear(100, classes))


def nin(classes: int) -> nn.Module:
    def stage(before: int, kernel: int, *filters: int) -> list[nn.Module]:
        found: list[nn.Module] = []
        for after in filters:
            found += [nn.Conv2d(before, after, kernel, padding=kernel // 2), nn.ReLU()]
            before, kernel = after, 1
        return found

    def pool() -> list[nn.Module]:
        return [nn.MaxPool2d(3, 2, ceil_mode=True), nn.Dropout(0.5)]

    return nn.Sequential(
        *stage(3, 5, 192, 160, 96), *pool(), *stage(96, 5, 192, 192, 192), *pool(),
        *stage(192, 3, 192, 192, classes), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


def convs(*shapes: tuple[int, int, int, int], dropout: float = 0.0) -> list[nn.Module]:
    found: list[nn.Module] = []
    for before, after, kernel, padding in shapes:
        found += [nn.Conv2d(before, after, kernel, padding=padding), nn.ReLU(), nn.MaxPool2d(2)]
        found += [nn.Dropout(dropout)] if dropout else []
    return found


def dense(*widths: int) -> list[nn.Module]:
    found: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        found += [nn.Linear(before, after), nn.ReLU()]
    return found


SMALL: dict[str, Callable[[int], nn.Module]] = {
    "mlp": mlp,
    "basenet": basenet,
    "default_conv": default_conv,
    "simple_cnn": simple_cnn,
    "course_cnn": course_cnn,
    "nin": nin,
}

_WIDTHS = (64, 128, 256, 512)
_DEPTHS = {1: (3, 4, 6, 3), 7: (2, 2, 6, 2)}


def ladder(step: int, classes: int) -> nn.Module:
    """Returns a published step of the ladder from ResNet to ConvNeXt."""
    stem = nn.Conv2d(3, 64, 3, padding=1) if step < 3 else nn.Conv2d(3, 64, 1)
    parts: list[nn.Module] = [stem, nn.BatchNorm2d(64)] + ([nn.ReLU()] if step < 7 else [])
    before = 64
    for stage, (width, depth) in enumerate(zip(_WIDTHS, _DEPTHS.get(step, (3, 3, 9, 3)), strict=True)):
        if step == 7:
            parts += [nn.GroupNorm(1, before), nn.Conv2d(before, width, 2, 2)] if stage else []
            parts += [NextBlock(width) for _ in range(depth)]
        else:
            strides = [2 if stage else 1] + [1] * (depth - 1)
            parts += [Block(b, width, s, step) for b, s in zip([before] + [width] * depth, strides, strict=False)]
        before = width
    norm = [nn.LayerNorm(before)] if step == 7 else []
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *norm, nn.Linear(before, classes))


class Block(nn.Module):
    """A residual block of steps 1 to 6."""

    def __init__(self, before: int, width: int, stride: int, step: int) -> None:
        super().__init__()
        narrow, wide = width // 4, 4 * width
        if step < 5:
            groups = narrow if step == 4 else 1
            shapes = [(before, narrow, 1, stride, 1), (narrow, narrow, 3, 1, groups), (narrow, width, 1, 1, 1)]
        elif step == 5:
            shapes = [(before, wide, 1, stride, 1), (wide, wide, 3, 1, before), (wide, width, 1, 1, 1)]
        else:
            shapes = [(before, before, 7, stride, before), (before, wide, 1, 1, 1), (wide, width, 1, 1, 1)]
        body: list[nn.Module] = []
        for b, a, kernel, s, g in shapes:
            bias = step == 6 and a == wide
            body += [nn.Conv2d(b, a, kernel, s, kernel // 2, groups=g, bias=bias), nn.BatchNorm2d(a), nn.ReLU()]
        self.body = nn.Sequential(*body[:-1])
        same = before == width and stride == 1
        self.shortcut = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.body(x) + self.shortcut(x))


class NextBlock(nn.Module):
    """A block of step 7."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 7, padding=3, groups=width, bias=False), nn.GroupNorm(1, width),
            nn.Conv2d(width, 4 * width, 1), nn.GELU(), nn.Conv2d(4 * width, width, 1),
        )  # fmt: skip
        self.scale = nn.Parameter(torch.full((width, 1, 1), 1e-6))
        self.drop = torchvision.ops.StochasticDepth(0.01, "row")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        dropped: torch.Tensor = self.drop(self.scale * self.body(x))
        return x + dropped
