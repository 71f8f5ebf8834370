"""Prepared images: the first and the second start, and images read on demand against PyTorch's DataLoader.

    python -m benchmarks.image_store        (for PyTorch: extra `bench`)

Starts: `load_dataset` and the manifest of 6,000 synthetic photographs of 12 megapixels at 224×224, and of CIFAR-10 as a
folder of JPEGs (--cifar). The photographs are few files under many names, as encoding takes longer than decoding.
Imports are not counted. The files are in the page cache of the system, if they fit.

Images on demand: decode, resize to 224×224, flip and rotate by up to 15 degrees, in uint8 batches of 32, in as many
threads or processes as there are cores. The images are the photographs, and the birds (--birds), which are as small as
those of most published data sets. PyTorch reads with Pillow, as torchvision does, and, in a second turn, with the
reduced decoding of JPEGs that kerasclf uses. A third turn of kerasclf reads prepared images. The first epoch is not
counted. CPU time, of a process and its workers, depends less on what else the machine does than images/s do.
Everything takes about 10 minutes; --photographs 60 --cifar '' --birds '' tries it.

Many files: --files 1000000 measures nothing else. It lists so many tiny JPEGs in 100 class folders, reads their headers
and makes the manifest, twice. The files are 1,000 under many names. A million take about 4 GB of disk.
"""

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measure import cpu_seconds, in_turns, median, print_table, ratio

MODULE = "benchmarks.image_store"
SIDE, BATCH, DEGREES, EPOCHS = 224, 32, 15, 3
DISTINCT, WIDTH, HEIGHT = 8, 4000, 3000
CLASSES = 100
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


def link_birds(birds: Path, folder: Path, count: int) -> None:
    """Links photographs of birds into two class folders."""
    for number, path in enumerate(sorted(birds.rglob("*.jpg"))[:count]):
        link = folder / ("left", "right")[number % 2] / path.name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)


def write_many(folder: Path, count: int) -> None:
    """Writes many names of 1,000 tiny JPEGs, in class folders."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"class_{number % CLASSES:02}" / f"image_{number:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < 1000:
            Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((32, 32)).save(path)
        else:
            os.link(folder / f"class_{number % CLASSES:02}" / f"image_{number % 1000:07}.jpg", path)


def many_files(data: str, side: int) -> dict[str, Any]:
    """Returns the seconds of the listing, of the whole start and of the manifest, and the memory in MB."""
    from kerasclf import load_dataset
    from kerasclf.data.specs import list_sets

    load_dataset("digits")  # as in `start`
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    listed = sum(len(listing.files) for listing in list_sets(data).values())
    times = [time.perf_counter()]
    dataset = load_dataset(data, image_size=(side, side), log=lambda line: print(line, file=sys.stderr))
    times.append(time.perf_counter())
    manifest = dataset.manifest
    times.append(time.perf_counter())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    listing, load, hashing = np.diff([began, *times]).tolist()
    return {
        "listing": listing,
        "load": load,
        "manifest": hashing,
        "memory": (peak - before) / 1000,
        "peak": peak / 1000,
        "files": listed,
        "hash": manifest["hash"],
    }


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
            image = file.convert("RGB")
        if image.size != (SIDE, SIDE):
            image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        if torch.rand(()) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        angle = float(torch.empty(()).uniform_(-DEGREES, DEGREES))
        return torch.from_numpy(np.array(image.rotate(angle, Image.Resampling.BILINEAR)))


def peer_rate(data: str, count: int, draft: bool) -> dict[str, Any]:
    """Returns images/s of a DataLoader with a worker per core."""
    import torch

    from kerasclf.machine.resources import usable_cores

    files = sorted(Path(data).rglob("*.jpg"))[:count]
    dataset: Any = Photographs(files, draft)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=BATCH, shuffle=True, num_workers=usable_cores(), persistent_workers=True
    )
    return _rate(lambda: sum(len(batch) for batch in loader))


def _rate(epoch: Any) -> dict[str, Any]:
    """Returns images/s of the fastest epoch, and the least CPU time of an image, in milliseconds."""
    rates, times = [], []
    for _ in range(EPOCHS):
        began, used = time.perf_counter(), cpu_seconds()
        images = epoch()
        rates.append(images / (time.perf_counter() - began))
        times.append(1000 * (cpu_seconds() - used) / images)
    return {"rate": max(rates[1:]), "cpu": min(times[1:])}


def measure(task: str, data: str, number: int) -> dict[str, Any]:
    """Measures one contestant in this process."""
    if task in STARTS:
        return STARTS[task](data, number)
    if task in OURS:
        os.environ["KERASCLF_IMAGE_CACHE_GB"] = "20" if task == "kerasclf-prepared" else "0"
        return our_rate(data, number)
    return peer_rate(data, number, draft=task == "pytorch-draft")


STARTS = {"start": start, "many": many_files}


def _twice(task: str, data: str, side: int) -> list[dict[str, Any]]:
    """Measures two starts in processes of their own."""
    command = [sys.executable, "-m", MODULE, "--measure", task, data, str(side)]
    found = [
        json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])
        for _ in range(2)
    ]
    assert found[0]["hash"] == found[1]["hash"]
    print(f"{data}: {found}", file=sys.stderr)
    return found


def _starts(data: str, side: int, name: str) -> list[str]:
    return [name, *(f"{one['seconds']:.1f}" for one in _twice("start", data, side))]


def _measure_many(folder: Path, count: int) -> None:
    write_many(folder, count)
    rows = [
        [
            name,
            *(f"{one[key]:.1f}" for key in ("listing", "load", "manifest")),
            *(f"{one[key]:,.0f}" for key in ("memory", "peak")),
        ]
        for name, one in zip(("first", "second"), _twice("many", str(folder), 32), strict=True)
    ]
    headings = ["listing, s", "load_dataset, s", "manifest, s", "memory more than imports, MB", "peak memory, MB"]
    print_table([f"start, {count:,} files", *headings], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photographs", type=int, default=6000, help="number of photographs of 12 megapixels")
    parser.add_argument("--cifar", default="/tmp/data/cifar10", help="CIFAR-10 as a folder; '' leaves it out")
    parser.add_argument("--birds", default="/tmp/data/birds/images", help="photographs of birds; '' leaves them out")
    parser.add_argument("--on-demand", type=int, default=256, help="photographs of an epoch read on demand")
    parser.add_argument("--files", type=int, help="measure only the start of so many files")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        task, data, number = given.measure
        print(json.dumps(measure(task, data, int(number))))
        return
    os.environ["KERASCLF_IMAGE_CACHE_GB"] = "20"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["KERASCLF_CACHE"] = str(folder / "cache")
        if given.files:
            _measure_many(folder / "many", given.files)
            return
        _measure_starts(folder / "photographs", given)
        write_photographs(folder / "few", given.on_demand * 3 // 2)  # a third is validation and test
        _compare(folder / "few", given.on_demand, "12 megapixels", given.rounds)
        if given.birds:
            link_birds(Path(given.birds), folder / "birds", given.on_demand * 6)
            _compare(folder / "birds", given.on_demand * 4, "birds", given.rounds)


def _measure_starts(folder: Path, given: argparse.Namespace) -> None:
    write_photographs(folder, given.photographs)
    rows = [_starts(str(folder), SIDE, f"{given.photographs:,} photographs of 12 megapixels")]
    if given.cifar:
        rows.append(_starts(given.cifar, 32, "CIFAR-10, a folder of JPEGs"))
    print_table(["images", "first start, s", "second start, s"], rows)


def _compare(folder: Path, count: int, name: str, rounds: int) -> None:
    """Measures images read on demand, side by side."""
    who = [*OURS, *(PEERS if importlib.util.find_spec("torch") else ())]
    contestants = [("--measure", one, str(folder), str(count)) for one in who]
    measured = in_turns(MODULE, contestants, rounds)
    mine = measured[contestants[0]]
    rows = [
        [
            one,
            f"{median(measured[key], 'rate'):,.0f}",
            ratio(mine, measured[key], "rate"),
            f"{median(measured[key], 'cpu'):.2f}",
            ratio(measured[key], mine, "cpu"),
        ]
        for one, key in zip(who, contestants, strict=True)
    ]
    headings = [
        "images/s",
        "kerasclf is … times as fast (range)",
        "CPU, ms per image",
        "… times that of kerasclf (range)",
    ]
    print_table([f"images on demand, {name}", *headings], rows)


if __name__ == "__main__":
    main()
