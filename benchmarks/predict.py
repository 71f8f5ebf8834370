"""Predictions of photographs from the disk: kerasclf against PyTorch with a DataLoader (extra `bench`).

    make bench-predict DATA=FOLDER        or        python -m benchmarks.predict --data FOLDER

All compute the same network with random weights, on the first 1,000, 3,000 and 6,000 photographs of the folder, in the
order of their paths; a smaller folder is repeated. `--images 200` measures 200 alone. The time runs from the first file
to the last prediction, decoding included. Imports, building and compiling are not counted. Every contestant decodes
with Pillow in as many threads or processes as there are cores, and resizes to 224×224 pixels.

kerasclf computes in float32, as `kerasclf predict` does. PyTorch computes in float32 and, with autocast, in bfloat16.
The memory is the largest that a process held, so it tells whether it grows with the number of photographs. That of
PyTorch's workers is not included. To measure in parts, repeat --rounds 1 --add-to rounds.json.
"""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from benchmarks.measure import added, in_turns, median, print_table, ratio

Engine = Literal["auto", "tensorflow"]
OWN = {"kerasclf": "auto", "kerasclf-tensorflow": "tensorflow"}
PEERS = ("pytorch-float32", "pytorch-bfloat16")
NETWORKS = ("efficientnet_lite0", "mobilenet_v2", "keras_resnet50")
COUNTS = (1000, 3000, 6000)
CLASSES, HIDDEN, SIDE, BATCH = 200, 400, 224, 64


def photographs(folder: Path, count: int) -> list[str]:
    """Returns the paths of `count` photographs below a folder, which is repeated if it has fewer."""
    from kerasclf.inference.image_files import ImageFiles

    found = list(ImageFiles((str(folder),)))
    if not found:
        sys.exit(f"{folder} holds no images")
    return list(itertools.islice(itertools.cycle(found), count))


def kerasclf_rate(network: str, files: Sequence[str], engine: Engine) -> tuple[float, int]:
    """Returns images/s of the path that `kerasclf predict` takes, and the number of predictions."""
    trained, began = _trained(network), 0.0

    def timed() -> Iterator[str]:
        """Yields the files. The first one is read after the network is compiled."""
        nonlocal began
        began = time.perf_counter()
        yield from files

    predictions = trained.predictions(trained.read_files(timed()), engine=engine)
    done = sum(prediction.problem is None for prediction in predictions)
    return done / (time.perf_counter() - began), done


def _trained(network: str) -> Any:
    """Returns the saved model of an untrained network."""
    from kerasclf.inference.trained_model import TrainedModel
    from kerasclf.models import build
    from kerasclf.networks.model_file import save_model
    from kerasclf.pipeline.augmentation import Augmentation
    from kerasclf.training.assembly import Blueprint

    def builder(shape: tuple[int, int, int], classes: int) -> Any:
        return build(network, shape, classes, arguments={"head": (HIDDEN,)})

    model = Blueprint(builder, (SIDE, SIDE, 3), CLASSES, Augmentation(), None).assemble().model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        save_model(model, path, [str(label) for label in range(CLASSES)])
        return TrainedModel.read(path)


def measure(who: str, network: str, folder: str, count: str) -> None:
    """Prints the speed and the memory of one contestant in this process."""
    from kerasclf.machine.meter import peak_memory_mb

    files = photographs(Path(folder), int(count))
    if who in PEERS:
        from benchmarks.torch_predict import prediction_rate

        rate, done = prediction_rate(network, files, SIDE, BATCH, CLASSES, bfloat16=who.endswith("bfloat16"))
    else:
        rate, done = kerasclf_rate(network, files, OWN[who])  # type: ignore[arg-type]
    assert done == len(files), f"{len(files) - done} photographs have no prediction"
    print(json.dumps({"rate": rate, "memory": peak_memory_mb()}))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.predict")
    parser.add_argument("--data", type=Path, required=True, help="a folder of photographs")
    parser.add_argument("--network", choices=NETWORKS, default=NETWORKS[0])
    parser.add_argument("--images", type=int, nargs="*", default=list(COUNTS), help="numbers of photographs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", choices=(*OWN, *PEERS), nargs="*", default=[], help="contestants to leave out")
    parser.add_argument(
        "--add-to", type=Path, help="JSON file of earlier rounds; add these rounds and show all of them"
    )
    given = parser.parse_args(arguments)
    who = [name for name in (*OWN, *PEERS) if name not in given.without]
    contestants = [(name, given.network, str(given.data), str(count)) for count in given.images for name in who]
    measured = in_turns("benchmarks.predict", contestants, given.rounds)
    if given.add_to:
        measured = added(given.add_to, measured)
    rows = []
    for contestant in contestants:
        name, network, data, count = contestant
        results, own = measured[contestant], measured.get(("kerasclf", network, data, count))
        rows.append(
            [
                name,
                f"{int(count):,}",
                f"{median(results, 'rate'):,.1f}",
                ratio(own, results, "rate") if own and name != "kerasclf" else "",
                f"{median(results, 'memory'):,.0f}",
            ]
        )
    print_table([given.network, "photographs", "images/s", "ratio of kerasclf (range)", "peak memory, MB"], rows)


if __name__ == "__main__":
    measure(*sys.argv[1:]) if sys.argv[1:2] and sys.argv[1] in (*OWN, *PEERS) else main(sys.argv[1:])
