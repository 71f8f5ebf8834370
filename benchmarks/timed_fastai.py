"""fastai's `fine_tune` within a given time: a contestant of benchmarks.time_to_accuracy. Needs fastai and timm alone.

    python -m benchmarks.timed_fastai NETWORK IMAGES WEIGHTS BEGAN SECONDS

The recipe is fastai's: images of 224×224, `aug_transforms`, batches of 32, one epoch of the head, then all layers. The
first epoch tells how many more fit, at most 30. If none of all layers fits, the head trains longer. A training whose
time is over ends with the weights that it has. BEGAN is the value of `time.monotonic()` at the start, before the
imports. Only the training counts. The test images are predicted after it.
"""

import copy
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from fastai.vision.all import (
    Callback,
    CancelFitException,
    ImageDataLoaders,
    Learner,
    Normalize,
    Resize,
    aug_transforms,
    default_split,
    get_image_files,
    imagenet_stats,
    models,
    vision_learner,
)
from safetensors.torch import load_file

SIDE, BATCH, RATE = 224, 32, 2e-3
MOST_EPOCHS = 30
# Epochs may take this much longer than the first one says.
SLACK = 1.1
# The mean and deviation of the pixels, between 0 and 1, for which the weights were trained.
STATISTICS = {"efficientnet_lite0": ([127 / 255] * 3, [128 / 255] * 3), "squeezenet1_1": imagenet_stats}


class StopInTime(Callback):  # type: ignore[misc]
    """Ends a training when its time is over."""

    def __init__(self, end: float) -> None:
        self.end = end

    def after_batch(self) -> None:
        if self.training and time.monotonic() > self.end:
            raise CancelFitException


def learner_of(network: str, images: Path, weights: Path, end: float) -> Learner:
    """Returns fastai's learner of a network with the weights of a folder."""
    loaders = ImageDataLoaders.from_folder(
        images,
        train="train",
        valid="valid",
        item_tfms=Resize(SIDE),
        batch_tfms=[*aug_transforms(), Normalize.from_stats(*STATISTICS[network])],
        bs=BATCH,
    )
    saved = load_file(weights / f"{network}.safetensors")
    stop = StopInTime(end)
    if network == "squeezenet1_1":
        learner = vision_learner(loaders, models.squeezenet1_1, pretrained=False, cbs=stop)
        _load(learner.model[0][0], {name.removeprefix("features."): value for name, value in saved.items()})
    else:
        learner = vision_learner(loaders, f"tf_{network}", pretrained=False, splitter=default_split, cbs=stop)
        _load(learner.model[0].model, saved)
    return learner


def _load(body: torch.nn.Module, saved: dict[str, torch.Tensor]) -> None:
    """Loads weights, of which those of the head are left over."""
    missing, _ = body.load_state_dict(saved, strict=False)
    if missing := [name for name in missing if not name.endswith("num_batches_tracked")]:
        sys.exit(f"Expected weights for each layer. Missing: {', '.join(missing)}.")


def step_s(learner: Learner, batch: tuple[Any, ...]) -> float:
    """Returns the seconds of a training step of what is not frozen, on a copy of the network."""
    model = copy.deepcopy(learner.model).train()
    for step in range(3):
        if step == 1:
            began = time.monotonic()
        learner.loss_func(model(batch[0]), batch[1]).backward()
    return (time.monotonic() - began) / 2


def fine_tune(learner: Learner, left: Callable[[], float]) -> int:
    """Does what `Learner.fine_tune` does, with as many epochs as fit. Returns the number of those of all layers."""
    batch = learner.dls.one_batch()
    learner.freeze()
    head_step_s, before = step_s(learner, batch), left()
    learner.fit_one_cycle(1, slice(RATE), pct_start=0.99)
    head_s = before - left()
    if left() <= 0:
        return 0
    learner.unfreeze()
    whole_s = head_s + (step_s(learner, batch) - head_step_s) * len(learner.dls.train)
    epochs = min(MOST_EPOCHS, max(0, int(left() / (SLACK * whole_s))))
    if epochs:
        learner.fit_one_cycle(epochs, slice(RATE / 200, RATE / 2), pct_start=0.3, div=5.0)
    elif (more := int(left() / (SLACK * head_s))) > 0:
        learner.freeze()
        learner.fit_one_cycle(more, slice(RATE))
    return epochs


def main(network: str, images: Path, weights: Path, began: float, seconds: float) -> None:
    end = began + seconds
    learner = learner_of(network, images, weights, end)
    with learner.no_bar(), learner.no_logging():
        epochs = fine_tune(learner, lambda: end - time.monotonic())
        taken_s = time.monotonic() - began
        tests = learner.dls.test_dl(get_image_files(images / "test"), with_labels=True)
        probabilities, labels = learner.get_preds(dl=tests)
    accuracy = float((probabilities.argmax(1) == labels).float().mean())
    print(json.dumps({"accuracy": accuracy, "seconds": taken_s, "what": f"{epochs} epochs of all layers"}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(float, sys.argv[4:]))
