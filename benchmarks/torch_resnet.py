"""ResNet50 in plain PyTorch, and the speed of a plain loop for features and training (extra `bench`).

This is the peer of benchmarks/transfer.py, optimised with channels_last, inference_mode, fused Adam and batches cut
from images in memory. Strides are on the first 1×1 convolution of a block, as in keras.applications, to make both
networks equally large.
"""

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kerasclf.machine import usable_cores

# Blocks and width of each stage.
_STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))
# Mean and deviation of torchvision, for pixels 0–255.
_MEAN, _DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


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


def features_rate(images: NDArray[np.uint8], batch: int, warm_up: int, bfloat16: bool) -> float:
    """Returns images/s of the features of all images, after `warm_up` batches that are not counted."""
    model = _model(200, 400).eval()
    read = _reader(images)

    def compute(chosen: torch.Tensor) -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            assert torch.isfinite(model.features(model.lower(read(chosen))).float()).all()

    chunks = torch.arange(len(images)).split(batch)
    for chosen in chunks[:warm_up]:
        compute(chosen)
    began = time.perf_counter()
    for chosen in chunks:
        compute(chosen)
    return len(images) / (time.perf_counter() - began)


def training_rate(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    batch: int,
    steps: tuple[int, int],
    last_stage: bool,
    bfloat16: bool,
    frozen_norm: bool = False,
) -> float:
    """Returns images/s of training steps.

    Args:
        images: Images, pixels 0–255.
        labels: Labels of 200 classes.
        batch: Images per step.
        steps: Number of warm-up steps, and number of counted steps after them.
        last_stage: Whether only the last stage and the head train. The layers below run without gradients, in
            inference mode.
        bfloat16: Whether autocast computes in bfloat16.
        frozen_norm: Whether batch normalisation is frozen and runs in inference mode.
    """
    model = _model(200, 400).train()
    if last_stage:
        model.lower.requires_grad_(False).eval()
    if frozen_norm:
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.requires_grad_(False).eval()
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=True)
    read, targets, criterion = _reader(images), torch.from_numpy(labels), nn.CrossEntropyLoss()

    def step() -> None:
        chosen = torch.randperm(len(images))[:batch]
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            with torch.set_grad_enabled(not last_stage):
                activations = model.lower(read(chosen))
            loss = criterion(model.head(model.features(activations)).float(), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert math.isfinite(loss.item())

    return batch / _seconds_per_step(step, *steps)


def _model(classes: int, hidden: int) -> ResNet50:
    torch.set_num_threads(usable_cores())
    torch.manual_seed(0)
    return ResNet50(classes, hidden).to(memory_format=torch.channels_last)


def _reader(images: NDArray[np.uint8]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Returns a function from indices to normalised float32 images, with channels last in memory."""
    pixels = torch.from_numpy(images)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _DEVIATION))
    return lambda chosen: pixels[chosen].permute(0, 3, 1, 2).float().sub_(mean).div_(deviation)


def _seconds_per_step(step: Callable[[], None], warm_up: int, steps: int) -> float:
    for _ in range(warm_up):
        step()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - began) / steps
