"""S1a and S1b as whole studies: kerasclf, a plain PyTorch loop, and the legacy generator with `fit`.

    make bench-study        or        python -m benchmarks.whole_study [basenet] [ladder]

Each contestant trains every experiment of the study on `shapes`, which has the sizes of CIFAR-100's 25 classes. SHARE
is the share of the epochs, REPEATS the number of runs of each experiment, and ROUNDS how often all take turns.
CONTESTANTS=kerasclf,pytorch leaves out the others. The result is the wall time from the start of the process to the
last prediction.

kerasclf runs the study as its command does, two runs at once with one thread each, and trains equal beginnings once.
`one run at a time` and `no sharing` leave out one of these two. The PyTorch loop and the legacy generator train the
same networks on all cores, one run after the other, and write nothing. Their runs follow each other, so they train each
experiment once, and the time after the imports counts REPEATS times.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine.resources import usable_cores
from kerasclf.studies.study_options import StudyOptions

if TYPE_CHECKING:
    from kerasclf import Experiment, ImageDataset, Study

REPEATS = int(os.environ.get("REPEATS", "3"))
SHARE_OF_EPOCHS = float(os.environ.get("SHARE", "0.1"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
STUDIES = ("basenet", "ladder")
OURS = {"kerasclf": (2, True), "no sharing": (2, False), "one run at a time": (1, True)}
PEERS = ("pytorch", "legacy")
CONTESTANTS = os.environ.get("CONTESTANTS", ",".join((*OURS, *PEERS))).split(",")
_BATCH = 256  # for validation and test, as in kerasclf for images of this size


def shortened(name: str, repeats: int) -> "Study":
    """Returns a study on `shapes` with a share of its epochs."""
    from kerasclf.studies import declare

    study = declare(name, options=StudyOptions(data="shapes", repeats=repeats))

    def shorten(experiment: "Experiment") -> "Experiment":
        epochs = max(1, round(experiment.train.epochs * SHARE_OF_EPOCHS))
        return experiment.but(train=experiment.train.but(epochs=epochs))

    return replace(study, experiments={name: shorten(e) for name, e in study.experiments.items()})


def kerasclf(study: str, jobs: int, share: bool) -> None:
    from kerasclf import run_study
    from kerasclf.runs.engines import Processes

    with tempfile.TemporaryDirectory() as out:
        run_study(shortened(study, REPEATS), f"{out}/study", engine=Processes(jobs), share=share)


def one_repeat(study: str, train: Callable[["Experiment", "ImageDataset"], None]) -> None:
    """Trains each experiment of a study once, one after the other."""
    from kerasclf import load_dataset

    dataset = load_dataset("shapes")
    for experiment in shortened(study, 1).experiments.values():
        train(experiment, dataset)


def train_legacy(experiment: "Experiment", dataset: "ImageDataset") -> None:
    """Trains as the studies did: ImageDataGenerator and `fit`."""
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    from kerasclf.models import build

    keras.utils.set_random_seed(0)
    augmentation, config = experiment.augmentation, experiment.train
    normalised = augmentation.featurewise_center
    plain = {"featurewise_center": True, "featurewise_std_normalization": True} if normalised else {"rescale": 1 / 255}
    changes = {"zoom_range": 0.2, "horizontal_flip": True} if augmentation.horizontal_flip else {}
    sets = {name: _arrays(dataset, name) for name in ("train", "validation", "test")}
    training, evaluation = ImageDataGenerator(**plain, **changes), ImageDataGenerator(**plain)
    if normalised:
        training.fit(sets["train"][0])
        evaluation.fit(sets["train"][0])
    model = build(experiment.model, (32, 32, 3), 25, dict(experiment.model_args))
    model.compile(config.optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    stopping = config.early_stopping
    callbacks = (
        [keras.callbacks.EarlyStopping("val_accuracy", patience=stopping.patience, restore_best_weights=True)]
        if stopping
        else []
    )
    model.fit(
        training.flow(*sets["train"], batch_size=config.batch_size),
        validation_data=evaluation.flow(*sets["validation"], batch_size=_BATCH, shuffle=False),
        epochs=config.epochs,
        callbacks=callbacks,
        verbose=0,
    )
    model.evaluate(evaluation.flow(*sets["test"], batch_size=_BATCH, shuffle=False), verbose=0)
    keras.backend.clear_session()


def train_pytorch(experiment: "Experiment", dataset: "ImageDataset") -> None:
    import torch

    torch.manual_seed(0)
    sets = {name: _tensors(dataset, name) for name in ("train", "validation", "test")}
    center, scale = _normalisation(experiment, sets["train"][0])
    # Normalised once, because such a loop can keep normalised images in memory.
    sets = {name: ((x - center) / scale, y) for name, (x, y) in sets.items()}
    x, y = sets["train"]
    model = _network(experiment)
    optimizer = _optimizer(experiment.train.optimizer, model)
    criterion = torch.nn.CrossEntropyLoss()
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


def _arrays(dataset: "ImageDataset", name: str) -> tuple[Any, Any]:
    subset = dataset.subset(name)
    return subset.images.read(np.arange(len(subset))), subset.labels


def _tensors(dataset: "ImageDataset", name: str) -> tuple[Any, Any]:
    import torch

    images, labels = _arrays(dataset, name)
    images = images.transpose(0, 3, 1, 2).astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(images)), torch.from_numpy(labels)


def _optimizer(name: Any, model: Any) -> Any:
    """Returns the optimizer with the learning rate that Keras takes by default."""
    import torch

    if name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=0.01)
    return torch.optim.Adam(model.parameters())


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


def measure(study: str, who: str) -> None:
    """Prints the seconds of one contestant as JSON."""
    began = time.perf_counter()
    if who in OURS:
        kerasclf(study, *OURS[who])
        print(json.dumps({"seconds": time.perf_counter() - began}))
        return
    if who == "pytorch":
        import torch

        torch.set_num_threads(usable_cores())
    else:
        import tensorflow  # noqa: F401
    imported = time.perf_counter()
    one_repeat(study, train_pytorch if who == "pytorch" else train_legacy)
    print(json.dumps({"seconds": imported - began + REPEATS * (time.perf_counter() - imported)}))


def main(studies: list[str]) -> None:
    for study in studies:
        runs = REPEATS * len(shortened(study, REPEATS).experiments)
        measured = in_turns("benchmarks.whole_study", [(study, who) for who in CONTESTANTS], ROUNDS)
        results = {who: measured[study, who] for who in CONTESTANTS}
        print_table(
            [f"{study}, {runs} runs, {SHARE_OF_EPOCHS:g} of the epochs", "seconds", "relative to kerasclf (range)"],
            [[who, f"{median(results[who], 'seconds'):,.0f}", ratio(results[who], results["kerasclf"], "seconds")]
             for who in results],
        )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[2:] and sys.argv[2] not in STUDIES:
        measure(*sys.argv[1:3])
    else:
        main(sys.argv[1:] or list(STUDIES))
