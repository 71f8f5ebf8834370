"""Predictions of photographs from the disk: kerasclf against PyTorch with a DataLoader (extra `bench-networks`).

    make bench-predict DATA=FOLDER        or        python -m benchmarks.predict --data FOLDER

All compute the same network with random weights, on the first 1,500 and then on 6,000 photographs of the folder, in the
order of their paths; a smaller folder is repeated. The time runs from the first file to the last probability, decoding
included. Imports, building and compiling are not counted. Every contestant decodes with Pillow in as many threads or
processes as there are cores and resizes to 224×224 pixels. The peak memory of a process tells whether it grows with the
number of photographs; that of PyTorch's workers is not included.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmarks.measure import in_turns, median, print_table, ratio
from kerasclf.machine import usable_cores

if TYPE_CHECKING:
    from kerasclf.inference.read_ahead import ImageBatch
    from kerasclf.inference.trained_model import TrainedModel

Engine = Literal["auto", "tensorflow"]
WHO = ("kerasclf", "kerasclf with TensorFlow", "PyTorch")
COUNTS = (1500, 6000)
CLASSES, SIDE, BATCH = 10, 224, 64


def photographs(folder: Path, count: int) -> list[str]:
    """Returns the paths of `count` photographs below a folder, which is repeated if it has fewer."""
    from kerasclf.inference.image_files import ImageFiles

    found = list(ImageFiles((str(folder),)))
    if not found:
        sys.exit(f"{folder} holds no images")
    return list(itertools.islice(itertools.cycle(found), count))


def measure_kerasclf(network: str, files: Sequence[str], engine: Engine) -> float:
    """Returns images/s of kerasclf."""
    from kerasclf.inference.read_ahead import read_batches
    from kerasclf.inference.trained_model import TrainedModel
    from kerasclf.model_file import save_model
    from kerasclf.models import build
    from kerasclf.pipeline.augmentation import Augmentation
    from kerasclf.training.assembly import Blueprint

    with tempfile.TemporaryDirectory() as folder:
        blueprint = Blueprint(
            lambda shape, classes: build(network, shape, classes), (SIDE, SIDE, 3), CLASSES, Augmentation(), None
        )
        path = Path(folder) / "model.keras"
        save_model(blueprint.assemble().model, path, [str(label) for label in range(CLASSES)])
        trained = TrainedModel.read(path)
    predict = prepared(trained, engine)
    began = time.perf_counter()
    done = sum(len(rows) for rows in predict(read_batches(files, trained.image_shape)))
    return done / (time.perf_counter() - began)


def prepared(trained: "TrainedModel", engine: Engine) -> Callable[[Iterable["ImageBatch"]], Iterator[Any]]:
    """Returns the function that predicts batches, after its compilation."""
    import numpy as np

    from kerasclf.inference.model_engine import compute_with

    compute = compute_with(trained.model, engine)
    for _ in compute(iter([np.zeros((BATCH, SIDE, SIDE, 3), np.uint8)] * 2)):
        pass
    return lambda batches: (rows for (rows,) in compute(batch.images for batch in batches))


def measure_pytorch(network: str, files: Sequence[str]) -> float:
    """Returns images/s of PyTorch: channels_last, inference_mode, one worker per core."""
    import torch
    import torchvision
    from PIL import Image, ImageOps
    from torchvision import transforms

    class Photographs(torch.utils.data.Dataset):  # type: ignore[type-arg]
        change = transforms.Compose(
            [
                transforms.Resize((SIDE, SIDE)),
                transforms.ToTensor(),
                transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
            ]
        )

        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, index: int) -> torch.Tensor:
            with Image.open(files[index]) as image:
                image.draft("RGB", (SIDE, SIDE))  # decodes at 1/2, 1/4 or 1/8, as kerasclf does
                return self.change(ImageOps.exif_transpose(image).convert("RGB"))  # type: ignore[no-any-return]

    torch.set_num_threads(usable_cores())
    model = torchvision.models.get_model(network, num_classes=CLASSES).eval().to(memory_format=torch.channels_last)
    loader = torch.utils.data.DataLoader(Photographs(), batch_size=BATCH, num_workers=usable_cores())
    done = 0
    with torch.inference_mode():
        model(torch.zeros(BATCH, 3, SIDE, SIDE).to(memory_format=torch.channels_last))
        began = time.perf_counter()
        for images in loader:
            done += len(torch.softmax(model(images.to(memory_format=torch.channels_last)), dim=1))
    return done / (time.perf_counter() - began)


def measure(who: str, network: str, folder: str, count: str) -> None:
    from kerasclf.runs.meter import peak_memory_mb

    files = photographs(Path(folder), int(count))
    if who == "PyTorch":
        rate = measure_pytorch(network, files)
    else:
        rate = measure_kerasclf(network, files, "tensorflow" if who.endswith("TensorFlow") else "auto")
    print(json.dumps({"rate": rate, "memory": peak_memory_mb()}))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict")
    parser.add_argument("--data", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--network", default="resnet50", help="a network of torchvision and kerasclf")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without", choices=WHO, nargs="*", default=[], help="contestants to leave out")
    parser.add_argument("--quick", action="store_true", help="test the benchmark: few photographs, one round")
    given = parser.parse_args(arguments)
    counts = (32, 128) if given.quick else COUNTS
    who = [name for name in WHO if name not in given.without]
    contestants = [(name, given.network, str(given.data), str(count)) for count in counts for name in who]
    measured = in_turns("benchmarks.predict", contestants, 1 if given.quick else given.rounds)
    rows = []
    for contestant in contestants:
        name, network, data, count = contestant
        results, peer = measured[contestant], measured.get(("PyTorch", network, data, count))
        rows.append(
            [
                name,
                f"{int(count):,}",
                f"{median(results, 'rate'):,.1f}",
                ratio(results, peer, "rate") if peer else "–",
                f"{median(results, 'memory'):,.0f}",
            ]
        )
    print_table([given.network, "photographs", "images/s", "ratio to PyTorch (range)", "MB"], rows)


if __name__ == "__main__":
    measure(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in WHO else main(sys.argv[1:])
