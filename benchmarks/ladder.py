"""The ladder with three repeats: two runs side by side, one run at a time, and a plain PyTorch loop.

    make bench-ladder        or        python -m benchmarks.ladder

Each contestant trains every experiment of S1b on `shapes` with a tenth of its epochs, 24 runs in all. SHARE=1 takes
all epochs, and hours; REPEATS=1 trains each experiment once. The result is the wall time from the start of the process
to the last prediction, including the start of TensorFlow or PyTorch. The PyTorch loop trains the same networks on the
same images, one run after the other on all available cores. It writes nothing.
"""

import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine import usable_cores
from kerasclf.studies.study_options import StudyOptions

if TYPE_CHECKING:
    from kerasclf import Experiment, ImageDataset, Study

REPEATS = int(os.environ.get("REPEATS", "3"))
SHARE_OF_EPOCHS = float(os.environ.get("SHARE", "0.1"))
ROUNDS = int(os.environ.get("ROUNDS", "1"))
CONTESTANTS = ("jobs 2", "jobs 1", "pytorch")
_BATCH = 256  # for validation and test, as in kerasclf for images of this size


def shortened() -> "Study":
    """Returns the ladder on `shapes` with a share of its epochs."""
    from kerasclf.studies import declare

    study = declare("ladder", options=StudyOptions(data="shapes", repeats=REPEATS))

    def shorten(experiment: "Experiment") -> "Experiment":
        epochs = max(1, round(experiment.train.epochs * SHARE_OF_EPOCHS))
        return experiment.but(train=experiment.train.but(epochs=epochs))

    return replace(study, experiments={name: shorten(e) for name, e in study.experiments.items()})


def kerasclf(jobs: int) -> None:
    from kerasclf.runs.engines import Processes
    from kerasclf.studies.study_runner import run_study

    with tempfile.TemporaryDirectory() as out:
        run_study(shortened(), f"{out}/ladder", engine=Processes(jobs))


def pytorch() -> None:
    import torch

    from kerasclf import load_dataset

    torch.set_num_threads(usable_cores())
    dataset, study = load_dataset("shapes"), shortened()
    for seed in study.seeds:
        for experiment in study.experiments.values():
            torch.manual_seed(seed)
            _train(experiment, dataset)


def _train(experiment: "Experiment", dataset: "ImageDataset") -> None:
    import torch

    sets = {name: _tensors(dataset, name) for name in ("train", "validation", "test")}
    center, scale = _normalisation(experiment, sets["train"][0])
    # Normalised once, because such a loop can keep normalised images in memory.
    sets = {name: ((x - center) / scale, y) for name, (x, y) in sets.items()}
    x, y = sets["train"]
    model = _network(experiment)
    optimizer, criterion = torch.optim.Adam(model.parameters()), torch.nn.CrossEntropyLoss()
    best, epochs_without_improvement = -1.0, 0
    for _ in range(experiment.train.epochs):
        model.train()
        total = torch.zeros(())
        for chosen in torch.randperm(len(x)).split(experiment.train.batch_size):
            images = _zoom_and_flip(x[chosen]) if experiment.augmentation.horizontal_flip else x[chosen]
            loss = criterion(model(images), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        assert torch.isfinite(total)
        accuracy = _accuracy(model, *sets["validation"])
        epochs_without_improvement = 0 if accuracy > best else epochs_without_improvement + 1
        best = max(best, accuracy)
        stopping = experiment.train.early_stopping
        if stopping and epochs_without_improvement >= stopping.patience:
            break
    _accuracy(model, *sets["test"])


def _tensors(dataset: "ImageDataset", name: str) -> tuple[Any, Any]:
    import torch

    subset = dataset.subset(name)
    images = subset.images.read(np.arange(len(subset))).transpose(0, 3, 1, 2).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(subset.labels)


def _normalisation(experiment: "Experiment", x: Any) -> tuple[Any, Any]:
    if experiment.augmentation.featurewise_center:
        return x.mean((0, 2, 3), keepdim=True), x.std((0, 2, 3), keepdim=True)
    return 0.0, 255.0


def _zoom_and_flip(x: Any) -> Any:
    """Zooms each image by 0.8 to 1.2 and mirrors half of them, in one resampling of the batch."""
    import torch
    from torch.nn import functional

    count = len(x)
    matrices = torch.zeros(count, 2, 3)
    matrices[:, 0, 0] = torch.empty(count).uniform_(0.8, 1.2) * torch.randint(0, 2, (count,)).mul_(2).sub_(1)
    matrices[:, 1, 1] = torch.empty(count).uniform_(0.8, 1.2)
    grid = functional.affine_grid(matrices, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, padding_mode="border", align_corners=False)


def _network(experiment: "Experiment") -> Any:
    from torch import nn

    batch_norm = dict(experiment.model_args).get("batch_norm")

    def active(layer: Any, norm: Any) -> list[Any]:
        return {"before": [layer, norm, nn.ReLU()], "after": [layer, nn.ReLU(), norm]}.get(
            str(batch_norm), [layer, nn.ReLU()]
        )

    def conv(before: int, after: int, size: int, padding: int = 0) -> list[Any]:
        return active(nn.Conv2d(before, after, size, padding=padding), nn.BatchNorm2d(after))

    def dense(before: int, after: int) -> list[Any]:
        return active(nn.Linear(before, after), nn.BatchNorm1d(after))

    if experiment.model == "basenet":
        features = [*conv(3, 6, 5), nn.MaxPool2d(2), *conv(6, 16, 5), nn.MaxPool2d(2), nn.Flatten(), *dense(400, 50)]
    else:
        features = [
            *conv(3, 6, 5), *conv(6, 16, 3, 1), nn.MaxPool2d(2), *conv(16, 16, 3, 1), *conv(16, 24, 3, 1),
            *conv(24, 32, 5), nn.MaxPool2d(2), nn.Flatten(), *dense(800, 100), *dense(100, 50),
        ]  # fmt: skip
    return nn.Sequential(*features, nn.Linear(50, 25))


def _accuracy(model: Any, x: Any, y: Any) -> float:
    import torch

    model.eval()
    with torch.no_grad():
        right = sum(int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(_BATCH), y.split(_BATCH), strict=True))
    return right / len(y)


def measure(who: str) -> None:
    began = time.perf_counter()
    if who == "pytorch":
        pytorch()
    else:
        kerasclf(int(who.split()[1]))
    print(json.dumps({"seconds": time.perf_counter() - began}))


def main() -> None:
    measured = in_turns("benchmarks.ladder", [(who,) for who in CONTESTANTS], ROUNDS)
    results = {who: measured[(who,)] for who in CONTESTANTS}
    print_table(
        [f"the ladder, {8 * REPEATS} runs", "seconds", "times as long as jobs 2 (range)"],
        [[who, f"{median(results[who], 'seconds'):,.0f}", ratio(results[who], results["jobs 2"], "seconds")]
         for who in CONTESTANTS],
    )  # fmt: skip


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else measure(sys.argv[1])
