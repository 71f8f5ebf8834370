"""Training BaseNet: kerasclf, the legacy generator of Keras, and a plain PyTorch loop (extra `bench`).

    make bench        or        python -m benchmarks.training

All train on 11,250 images of 32×32 and 25 classes with Adam, on all available cores. The result is images/s over the
epochs after the first. For speed, the PyTorch loop keeps its images as float32 tensors, shuffles by index and reads the
loss once per epoch.
"""

import functools
import json
import sys
import time

import numpy as np

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine.meter import peak_memory_mb
from kerasclf.machine.resources import usable_cores

EPOCHS = 3
ROUNDS = 5
BATCHES = (32, 256)
AUGMENTED = {"zoom_range": 0.2, "horizontal_flip": True}
CONTESTANTS = ("kerasclf", "kerasclf+augmentation", "legacy", "legacy+augmentation", "pytorch")


def kerasclf(batch: int, augmented: bool) -> float:
    from kerasclf import Augmentation, TrainConfig, load_dataset
    from kerasclf.models import build
    from kerasclf.training.recipe import Recipe
    from kerasclf.training.train import train

    augmentation = Augmentation(rescale=1 / 255, **(AUGMENTED if augmented else {}))  # type: ignore[arg-type]
    config = TrainConfig(epochs=EPOCHS, batch_size=batch)
    recipe = Recipe(functools.partial(build, "basenet"), (config,), augmentation=augmentation)
    trained = train(load_dataset("shapes"), recipe)
    return float(trained.history["images_per_second"].iloc[1:].median())


def legacy(batch: int, augmented: bool) -> float:
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    from kerasclf.models import build

    images, labels = arrays()
    generator = ImageDataGenerator(rescale=1 / 255, **(AUGMENTED if augmented else {}))
    model = build("basenet", (32, 32, 3), 25)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    clock = Clock()
    flow = generator.flow(images, labels, batch_size=batch)
    timing = keras.callbacks.LambdaCallback(on_epoch_begin=clock.begin, on_train_batch_end=clock.step)
    model.fit(flow, epochs=EPOCHS, verbose=0, callbacks=[timing])
    return clock.rate(len(images))


def pytorch(batch: int, augmented: bool) -> float:
    import torch
    from torch import nn

    torch.set_num_threads(usable_cores())
    torch.manual_seed(0)
    images, labels = arrays()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255)).contiguous()
    y = torch.from_numpy(labels)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 50), nn.ReLU(), nn.Linear(50, 25),
    )  # fmt: skip
    optimizer, criterion, clock = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss(), Clock()
    for _ in range(EPOCHS):
        clock.begin()
        total, right = torch.zeros(()), torch.zeros((), dtype=torch.long)
        for chosen in torch.randperm(len(x)).split(batch):
            scores = model(x[chosen])
            loss = criterion(scores, y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
            right += (scores.argmax(1) == y[chosen]).sum()
        assert torch.isfinite(total)
        clock.step()
    return clock.rate(len(x))


class Clock:
    """Times epochs from their start to the end of their last step, as in the history of kerasclf."""

    def __init__(self) -> None:
        self.began = 0.0
        self.seconds: list[float] = []

    def begin(self, *ignored: object, **too: object) -> None:
        """Starts an epoch. The arguments of a callback are ignored."""
        self.began = time.perf_counter()
        self.seconds.append(0.0)

    def step(self, *ignored: object, **too: object) -> None:
        """Records the end of a step."""
        self.seconds[-1] = time.perf_counter() - self.began

    def rate(self, images: int) -> float:
        """Returns images/s, the median of the epochs after the first."""
        return float(images / np.median(self.seconds[1:]))


def arrays() -> tuple[np.ndarray, np.ndarray]:
    from kerasclf import load_dataset

    train = load_dataset("shapes").train
    return train.images.read(np.arange(len(train))), train.labels


def measure(who: str, batch: int) -> None:
    name, _, augmented = who.partition("+")
    run = {"kerasclf": kerasclf, "legacy": legacy, "pytorch": pytorch}[name]
    print(json.dumps({"rate": run(batch, bool(augmented)), "memory": peak_memory_mb()}))


def main() -> None:
    for batch in BATCHES:
        measured = in_turns("benchmarks.training", [(who, str(batch)) for who in CONTESTANTS], ROUNDS)
        results = {who: measured[(who, str(batch))] for who in CONTESTANTS}
        rows = [[who, f"{median(r, 'rate'):,.0f}", f"{median(r, 'memory'):,.0f}"] for who, r in results.items()]
        print_table([f"BaseNet, batch {batch}", "images/s", "peak memory, MB"], rows)
        pairs = (
            ("kerasclf+augmentation", "kerasclf"),
            ("kerasclf+augmentation", "legacy+augmentation"),
            ("kerasclf", "legacy"),
            ("kerasclf", "pytorch"),
        )
        ratios = [[f"{a} / {b}", ratio(results[a], results[b], "rate")] for a, b in pairs]
        print_table(["ratio", "median (range)"], ratios)


if __name__ == "__main__":
    main() if len(sys.argv) == 1 else measure(sys.argv[1], int(sys.argv[2]))
