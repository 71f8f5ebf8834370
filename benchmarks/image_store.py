"""Prepared images: the first and the second start, and images read on demand against PyTorch's DataLoader.

    python -m benchmarks.image_store        (for PyTorch: extra `bench`)

Starts: `load_dataset` and the manifest of 6,000 synthetic photographs of 12 megapixels at 224×224, and of CIFAR-10 as a
folder of JPEGs (--cifar). The photographs are few files under many names, as encoding takes longer than decoding.
Imports are not counted. The files are in the page cache of the system, if they fit.

Images on demand: decode, resize to 224×224, flip and rotate by up to 15 degrees, in uint8 batches of 32, in as many
threads or processes as there are cores. PyTorch reads with Pillow, as torchvision does, and, in a second turn, with the
reduced decoding of JPEGs that kerasclf uses. A third turn of kerasclf reads prepared images. The first epoch is not
counted. Everything takes about 5 minutes; --photographs 60 --cifar '' tries it.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measure import in_turns, median, print_table, ratio

MODULE = "benchmarks.image_store"
SIDE, BATCH, DEGREES, EPOCHS = 224, 32, 15, 2
DISTINCT, WIDTH, HEIGHT = 8, 4000, 3000
OURS = ("kerasclf", "kerasclf-prepared")
PEERS = ("pytorch", "pytorch-draft")


def write_photographs(folder: Path, count: int) -> None:
    """Writes photographs of two classes: large areas of colour, edges, and the noise of a sensor."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / ("cats", "dogs")[number % 2] / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number >= DISTINCT:
            os.link(folder / ("cats", "dogs")[number % 2] / f"{number % DISTINCT:05}.jpg", path)
            continue
        areas = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).resize((WIDTH, HEIGHT))
        noise = rng.integers(0, 12, (HEIGHT, WIDTH, 1), np.uint8)
        Image.fromarray(np.asarray(areas) // 2 + 60 + noise).save(path, quality=90)


def start(data: str, side: int) -> dict[str, Any]:
    """Returns the seconds from the spec to the manifest, as the first step of a study."""
    from kerasclf import load_dataset

    load_dataset("digits")  # the libraries are imported with the first data set
    began = time.perf_counter()
    manifest = load_dataset(data, image_size=(side, side)).manifest
    return {"seconds": time.perf_counter() - began, "hash": manifest["hash"]}


def our_rate(data: str, count: int) -> dict[str, Any]:
    """Returns images/s of kerasclf's pipeline; `KERASCLF_IMAGE_CACHE_GB=0` decodes in each epoch."""
    import tensorflow as tf

    from kerasclf import Augmentation, load_dataset
    from kerasclf.data import listings
    from kerasclf.pipeline.batches import Epoch, training_batches

    listings.IN_MEMORY_LIMIT = 0
    subset = load_dataset(data, image_size=(SIDE, SIDE)).train
    subset = subset.take(np.arange(min(count, len(subset))))
    augmentation = Augmentation(rotation_range=DEGREES, horizontal_flip=True)
    batches = training_batches(subset, 2, BATCH, augmentation, 0, Epoch())

    def epoch() -> int:
        return int(batches.reduce(0, lambda images, batch: images + tf.shape(batch[0])[0]))

    return _rate(epoch)


class Photographs:
    """A data set in the form of torchvision's ImageFolder, with the transforms Resize, RandomHorizontalFlip, Rotation.

    Args:
        files: Paths of the files.
        draft: Whether a JPEG is decoded at a part of its size, as kerasclf does.
    """

    def __init__(self, files: list[Path], draft: bool) -> None:
        self.files, self.draft = files, draft

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Any:
        import torch

        with Image.open(self.files[index]) as file:
            if self.draft:
                file.draft("RGB", (SIDE, SIDE))
            image = file.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        angle = float(torch.empty(()).uniform_(-DEGREES, DEGREES))
        return torch.from_numpy(np.array(image.rotate(angle, Image.Resampling.BILINEAR)))


def peer_rate(data: str, count: int, draft: bool) -> dict[str, Any]:
    """Returns images/s of a DataLoader with a worker per core."""
    import torch

    from kerasclf.machine import usable_cores

    files = sorted(Path(data).rglob("*.jpg"))[:count]
    dataset: Any = Photographs(files, draft)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=BATCH, shuffle=True, num_workers=usable_cores(), persistent_workers=True
    )
    return _rate(lambda: sum(len(batch) for batch in loader))


def _rate(epoch: Any) -> dict[str, Any]:
    rates = []
    for _ in range(EPOCHS):
        began = time.perf_counter()
        images = epoch()
        rates.append(images / (time.perf_counter() - began))
    return {"rate": max(rates[1:])}


def measure(task: str, data: str, number: int) -> dict[str, Any]:
    """Measures one contestant in this process."""
    if task.startswith("start"):
        os.environ["KERASCLF_IMAGE_CACHE_GB"] = "20"
        return start(data, number)
    if task in OURS:
        os.environ["KERASCLF_IMAGE_CACHE_GB"] = "20" if task == "kerasclf-prepared" else "0"
        return our_rate(data, number)
    return peer_rate(data, number, draft=task == "pytorch-draft")


def _starts(data: str, side: int, name: str) -> list[str]:
    """Measures two starts in processes of their own, and returns a row of the table."""
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, "-m", MODULE, "--measure", "start", data, str(side)],
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            ).stdout.splitlines()[-1]
        )
        for _ in range(2)
    ]
    assert found[0]["hash"] == found[1]["hash"]
    print(f"{name}: {found}", file=sys.stderr)
    return [name, *(f"{one['seconds']:.1f}" for one in found)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photographs", type=int, default=6000, help="number of photographs of 12 megapixels")
    parser.add_argument("--cifar", default="/tmp/data/cifar10", help="CIFAR-10 as a folder; '' leaves it out")
    parser.add_argument("--on-demand", type=int, default=256, help="photographs of an epoch read on demand")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        task, data, number = given.measure
        print(json.dumps(measure(task, data, int(number))))
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KERASCLF_CACHE"] = str(Path(folder) / "cache")
        photographs, few = Path(folder) / "photographs", Path(folder) / "few"
        write_photographs(photographs, given.photographs)
        write_photographs(few, given.on_demand * 3 // 2)  # a third is validation and test
        rows = [_starts(str(photographs), SIDE, f"{given.photographs:,} photographs of 12 megapixels")]
        if given.cifar:
            rows.append(_starts(given.cifar, 32, "CIFAR-10, a folder of JPEGs"))
        print_table(["images", "first start, s", "second start, s"], rows)
        _compare(few, given)


def _compare(folder: Path, given: argparse.Namespace) -> None:
    """Measures images read on demand, side by side."""
    who = [*OURS, *(PEERS if importlib.util.find_spec("torch") else ())]
    contestants = [("--measure", name, str(folder), str(given.on_demand)) for name in who]
    measured = in_turns(MODULE, contestants, given.rounds)
    mine = measured[contestants[0]]
    rows = [
        [name, f"{median(measured[key], 'rate'):,.0f}", ratio(mine, measured[key], "rate")]
        for name, key in zip(who, contestants, strict=True)
    ]
    print_table(["images on demand", "images/s", "kerasclf is … times as fast (range)"], rows)


if __name__ == "__main__":
    main()
