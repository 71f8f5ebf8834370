"""The speed of a plain PyTorch loop for features and training (extra `bench`).

This is the peer of benchmarks/transfer.py, optimised with channels_last, inference_mode, fused Adam and batches cut
from images in memory.
"""

import math
import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.torch_mobile import SqueezeNet, efficientnet_lite0, mobilenet_v2
from benchmarks.torch_resnet import ResNet50
from kerasclf.machine.resources import usable_cores

# Each has the parts `lower` (below the last stage), `features` (the last stage and pooling) and `head`.
NETWORKS: dict[str, Callable[[int, int], nn.Module]] = {
    "keras_resnet50": ResNet50,
    "efficientnet_lite0": efficientnet_lite0,
    "mobilenet_v2": mobilenet_v2,
    "squeezenet1_1": SqueezeNet,
}
CLASSES, HIDDEN = 200, 400
# Mean and deviation of torchvision, for pixels 0–255.
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def features_rate(network: str, images: NDArray[np.uint8], batch: int, warm_up: int, bfloat16: bool) -> float:
    """Returns images/s of the features of all images, after `warm_up` batches that are not counted."""
    model = _model(network).eval()
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
    network: str,
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
        network: A key of `NETWORKS`.
        images: Images, pixels 0–255.
        labels: Labels of 200 classes.
        batch: Images per step.
        steps: Number of warm-up steps, and number of counted steps after them.
        last_stage: Whether only the last stage and the head train. The layers below run without gradients, in
            inference mode.
        bfloat16: Whether autocast computes in bfloat16.
        frozen_norm: Whether batch normalisation is frozen and runs in inference mode.
    """
    model = _model(network).train()
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


def _model(network: str) -> nn.Module:
    torch.set_num_threads(usable_cores())
    torch.manual_seed(0)
    return NETWORKS[network](CLASSES, HIDDEN).to(memory_format=torch.channels_last)


def _reader(images: NDArray[np.uint8]) -> Callable[[torch.Tensor], torch.Tensor]:
    """Returns a function from indices to normalised float32 images, with channels last in memory."""
    pixels = torch.from_numpy(images)
    mean, deviation = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, DEVIATION))
    return lambda chosen: pixels[chosen].permute(0, 3, 1, 2).float().sub_(mean).div_(deviation)


def _seconds_per_step(step: Callable[[], None], warm_up: int, steps: int) -> float:
    for _ in range(warm_up):
        step()
    began = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - began) / steps
