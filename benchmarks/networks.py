"""Training the networks of the catalogue: kerasclf against a plain PyTorch loop (extra `bench`).

    make bench-networks        or        python -m benchmarks.networks [--quick] [--rounds 3] [--only resnet18 …]

Both train on random images of ten classes with SGD, momentum and float32. Images are 32×32 in batches of 64, and
224×224 in batches of 8 for networks of that size. The result is images/s over the epochs after the first. kerasclf
trains as in a study: tf.data, metrics, faster layers. The PyTorch loop shuffles tensors in memory by index, channels
last, and computes no metric.
"""

import argparse
import functools
import json
import sys

import numpy as np

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine.meter import peak_memory_mb

CLASSES = 10
BATCH = {32: 64, 224: 8}  # by the side of the images in pixels
EPOCHS, ROUNDS = 3, 3
# Images per epoch. An epoch must take seconds: ten steps are too few for a network that takes 100 steps per second.
NETWORKS = {
    32: {
        "mlp": 48_000, "basenet": 19_200, "default_conv": 19_200, "simple_cnn": 3_200, "course_cnn": 3_200,
        "squeezenet1_1": 1_600, "nin": 640, "resnet18": 320, "resnet50": 192,
        **{f"resnet_to_convnext:{step}": 192 for step in range(1, 8)},
        "convnext_tiny": 320,
    },
    224: {
        "alexnet": 192, "squeezenet1_1": 96, "resnet18": 96, "resnet34": 48, "resnet50": 32, "vgg16": 24,
        "convnext_tiny": 24,
    },
}  # fmt: skip


def kerasclf(name: str, side: int, epochs: int) -> float:
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.data import ArrayImages, ImageDataset, Subset
    from kerasclf.models import PUBLISHED, build
    from kerasclf.training.recipe import Recipe
    from kerasclf.training.train import train

    images, labels = arrays(name, side)
    subset = Subset(ArrayImages(images.astype(np.uint8)), labels, tuple(map(str, range(len(labels)))))
    small = Subset(ArrayImages(images[:8].astype(np.uint8)), labels[:8], subset.names[:8])
    dataset = ImageDataset("random", "Random images", tuple(map(str, range(CLASSES))), subset, small, small)
    family, _, step = name.partition(":")
    arguments: dict[str, object] = {"step": int(step), "published": True} if step else {}
    arguments |= {"stem": "3x3"} if family.startswith("resnet") and not step and side < 64 else {}
    config = TrainConfig(epochs=epochs, batch_size=BATCH[side], optimizer="sgd", learning_rate=1e-3, momentum=0.9)
    augmentation = Augmentation() if family in PUBLISHED else Augmentation(rescale=1 / 255)
    recipe = Recipe(functools.partial(build, family, arguments=arguments), (config,), augmentation=augmentation)
    trained = train(dataset, recipe)
    return float(trained.history["images_per_second"].iloc[1:].median())


def pytorch(name: str, side: int, epochs: int) -> float:
    from benchmarks.torch_networks import training_rate

    images, labels = arrays(name, side)
    images /= 255
    return training_rate(name, images, labels, BATCH[side], epochs)


def arrays(name: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    rng, count = np.random.default_rng(0), NETWORKS[side][name]
    return rng.integers(0, 256, (count, side, side, 3)).astype(np.float32), np.arange(count) % CLASSES


def measure(who: str, name: str, side: int, epochs: int) -> None:
    rate = {"kerasclf": kerasclf, "pytorch": pytorch}[who](name, side, epochs)
    print(json.dumps({"rate": rate, "memory": peak_memory_mb()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round of two epochs")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="*", default=(), help="names of networks, such as resnet_to_convnext:7")
    parser.add_argument("--side", type=int, choices=list(BATCH), help="only images of this side")
    options = parser.parse_args()
    epochs, rounds = (2, 1) if options.quick else (EPOCHS, options.rounds)
    for side in list(BATCH) if options.side is None else [options.side]:
        rows = []
        for name in NETWORKS[side]:
            if options.only and name not in options.only:
                continue
            pair = [(who, name, str(side), str(epochs)) for who in ("kerasclf", "pytorch")]
            measured = in_turns("benchmarks.networks", pair, rounds)
            mine, theirs = (measured[who] for who in pair)
            cells = [f"{median(one, 'rate'):,.0f}" for one in (mine, theirs)]
            memory = [f"{median(one, 'memory'):,.0f}" for one in (mine, theirs)]
            rows.append([name, *cells, ratio(mine, theirs, "rate"), *memory])
            print(" | ".join(rows[-1]), file=sys.stderr, flush=True)  # a later failure does not lose this result
        heading = f"{side}×{side}, batch {BATCH[side]}"
        print_table([heading, "kerasclf, images/s", "PyTorch", "ratio (range)", "kerasclf, MB", "PyTorch, MB"], rows)


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] in ("kerasclf", "pytorch"):
        measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    else:
        main()
