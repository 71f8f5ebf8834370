"""Speed of training on the devices of this machine, with the share of time spent waiting for data.

    python -m benchmarks.gpu [--only basenet resnet50 …] [--jit auto on off] [--seconds 3] [--limit 230]

Each case trains a network on random images through the whole toolkit: tf.data, augmentation, metrics, faster layers.
The first epoch compiles. The three after it are the rounds: the table shows the median and the range. "features" is
the frozen part of ResNet50 alone, as `kerasclf train` computes it once per image. "files" reads and resizes JPEG files.
A case that fails is reported, and the others go on. No case starts after the time limit.
"""

import argparse
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.measure import print_table
from kerasclf.machine.resources import usable_cores

if TYPE_CHECKING:
    from kerasclf import ImageDataset
    from kerasclf.training.recipe import Recipe

ROUNDS = 3
CLASSES = 10
JIT: dict[str, Any] = {"auto": "auto", "on": True, "off": False}


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        name: Name for `--only`.
        network: Name in the catalogue.
        side: Height and width of the images.
        batch: Images per step.
        precision: Precision of the training.
        kind: `"training"`, `"features"` or `"files"`.
        on_gpu: Images per second that a GPU is expected to train; they set the length of an epoch.
        on_cpu: The same for two cores.
    """

    name: str
    network: str
    side: int
    batch: int
    precision: str
    kind: str
    on_gpu: int
    on_cpu: int


CASES = (
    Case("basenet", "basenet", 32, 32, "float32", "training", 40_000, 6_000),
    Case("basenet", "basenet", 32, 256, "float32", "training", 150_000, 8_000),
    Case("resnet50", "resnet50", 224, 64, "mixed_bfloat16", "training", 2_500, 4),
    Case("resnet50", "resnet50", 224, 64, "float32", "training", 1_200, 4),
    Case("convnext", "resnet_to_convnext:7", 32, 64, "mixed_bfloat16", "training", 4_000, 40),
    Case("convnext", "resnet_to_convnext:7", 32, 64, "float32", "training", 3_000, 40),
    Case("features", "resnet50", 224, 16, "mixed_bfloat16", "features", 3_000, 20),
    Case("features", "resnet50", 224, 16, "float32", "features", 2_000, 20),
    Case("files", "resnet50", 224, 64, "mixed_bfloat16", "files", 2_500, 4),
)


def dataset_of(case: Case, count: int, folder: Path) -> "ImageDataset":
    """Returns random images without validation images, in memory or in JPEG files."""
    from kerasclf.data import ArrayImages, FileImages, ImageDataset, Subset

    rng, labels = np.random.default_rng(0), np.arange(count) % CLASSES
    if case.kind == "files":
        # Few files, read again and again: they are in the system's cache, as those of a small data set are.
        paths = [_photo(folder / f"{number}.jpg", rng) for number in range(64)]
        images: Any = FileImages(tuple(paths[i % len(paths)] for i in range(count)), (case.side, case.side), 3)
    else:
        images = ArrayImages(rng.integers(0, 256, (count, case.side, case.side, 3), np.uint8))
    train = Subset(images, labels, tuple(map(str, range(count))))
    empty = train.take(np.arange(0))
    return ImageDataset("random", "random pixels", tuple(map(str, range(CLASSES))), train, empty, empty)


def _photo(path: Path, rng: np.random.Generator) -> Path:
    """Writes a JPEG file with the size of a usual photograph, and about as many bytes."""
    coarse = Image.fromarray(rng.integers(0, 256, (47, 63, 3), np.uint8))
    coarse.resize((500, 375), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


def recipe_of(case: Case, jit: str) -> "Recipe":
    from kerasclf import Augmentation, TrainConfig
    from kerasclf.models import PUBLISHED, build
    from kerasclf.training.recipe import Recipe

    name, _, step = case.network.partition(":")
    arguments: dict[str, Any] = {"step": int(step), "published": True} if step else {}
    scale = None if name in PUBLISHED else 1 / 255
    config = TrainConfig(
        epochs=1 + ROUNDS, batch_size=case.batch, optimizer="sgd", learning_rate=1e-4, momentum=0.9,
        precision=case.precision, jit=JIT[jit],
    )  # fmt: skip
    changes = Augmentation(horizontal_flip=True, zoom_range=0.1, rescale=scale)
    return Recipe(functools.partial(build, name, arguments=arguments), (config,), augmentation=changes)


def train_case(case: Case, count: int, folder: Path, jit: str) -> dict[str, Any]:
    from kerasclf.training.train import train

    history = train(dataset_of(case, count, folder), recipe_of(case, jit)).history
    usual = history["seconds"].iloc[1:].median()
    return {
        "rates": list(history["images_per_second"].iloc[1:]),
        "waiting": float(history["waiting_share"].iloc[1:].median()),
        "start": float(history["seconds"].iloc[0] - usual),
    }


def input_rate(case: Case, count: int, folder: Path) -> float:
    """Returns the images/s of the input pipeline alone, in its second epoch."""
    from kerasclf.pipeline.batches import Epoch, training_batches

    recipe = recipe_of(case, "auto")
    batches = training_batches(
        dataset_of(case, count, folder).train, CLASSES, case.batch, recipe.augmentation, 0, Epoch()
    )
    for _ in range(2):
        began = time.perf_counter()
        for _ in batches:
            pass
    return count / (time.perf_counter() - began)


def features_case(case: Case, count: int, folder: Path) -> dict[str, Any]:
    from kerasclf.training.assembly import build_model
    from kerasclf.training.extractor import Extractor

    images = dataset_of(case, count, folder).train.images
    built = build_model(dataset_of(case, CLASSES, folder), recipe_of(case, "auto"))
    cut = built.assembled.cuts.cut_for("head")
    assert cut is not None
    extractor = Extractor(built, "tensorflow")
    compute = extractor.compute([extractor.cache_point(cut)])
    seconds = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        for _ in compute(images.read(np.arange(i, i + case.batch)) for i in range(0, count, case.batch)):
            pass
        seconds.append(time.perf_counter() - began)
    start = seconds[0] - statistics.median(seconds[1:])
    return {"rates": [count / one for one in seconds[1:]], "waiting": None, "start": start}


@contextmanager
def _peak_memory() -> Iterator[dict[str, float]]:
    """Yields a dict that holds the peak of the first GPU's memory after the block; nothing without a GPU."""
    import tensorflow as tf

    found: dict[str, float] = {}
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        tf.config.experimental.reset_memory_stats("GPU:0")
    yield found
    if gpus:
        found["mb"] = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6


def measure(case: Case, jit: str, seconds: float, folder: Path) -> list[str]:
    """Returns the row of a case."""
    import keras
    import tensorflow as tf

    keras.backend.clear_session()
    rate = case.on_gpu if tf.config.list_physical_devices("GPU") else case.on_cpu
    batches = max(2, round(rate * seconds / case.batch))
    if case.kind != "files" and case.side > 32:
        batches = min(batches, 4_000 // case.batch)  # random images of 224×224 take 150 kB each
    count = batches * case.batch
    with _peak_memory() as memory:
        found = features_case(case, count, folder) if case.kind == "features" else train_case(case, count, folder, jit)
    rates = found["rates"]
    alone = "" if case.kind == "features" else f"{input_rate(case, count, folder):,.0f}"
    return [
        f"{case.network} {case.kind}", str(case.side), str(case.batch), case.precision, jit,
        f"{statistics.median(rates):,.0f} ({min(rates):,.0f}–{max(rates):,.0f})",
        "" if found["waiting"] is None else f"{100 * found['waiting']:.1f} %",
        alone, f"{found['start']:.0f}", f"{memory['mb']:,.0f}" if memory else "",
    ]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=(), choices=sorted({case.name for case in CASES}))
    parser.add_argument("--precision", nargs="*", default=(), help="only cases with these precisions")
    parser.add_argument("--jit", nargs="*", default=["auto"], choices=list(JIT), help="XLA of the training step")
    parser.add_argument("--seconds", type=float, default=3.0, help="expected length of an epoch")
    parser.add_argument("--limit", type=float, default=230.0, help="no case starts after this many seconds")
    options = parser.parse_args(arguments)
    began, rows = time.monotonic(), []
    from kerasclf.quiet import quiet_tensorflow

    quiet_tensorflow()
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if (options.only and case.name not in options.only) or (
                options.precision and case.precision not in options.precision
            ):
                continue
            for jit in options.jit if case.kind != "features" else options.jit[:1]:
                name = f"{case.network} {case.kind}, batch {case.batch}, {case.precision}, XLA {jit}"
                if time.monotonic() - began > options.limit:
                    print(f"{name}: left out, the time is up", file=sys.stderr, flush=True)
                    continue
                try:
                    rows.append(measure(case, jit, options.seconds, Path(folder)))
                except Exception as error:  # the other cases go on
                    print(f"{name}: FAILED: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
                else:
                    print(" | ".join(rows[-1]), file=sys.stderr, flush=True)
    _print(rows)


def _print(rows: list[list[str]]) -> None:
    import keras
    import tensorflow as tf

    from kerasclf.training.devices import describe_device

    print(
        f"{describe_device()}, {usable_cores()} cores, TensorFlow {tf.__version__}, Keras {keras.__version__}, "
        f"Python {sys.version.split()[0]}; median (range) of {ROUNDS} epochs\n"
    )
    print_table(
        ["network", "side", "batch", "precision", "XLA", "images/s", "waiting for data", "input alone, images/s",
         "start, s", "GPU memory, MB"],
        rows,
    )  # fmt: skip


if __name__ == "__main__":
    main()
