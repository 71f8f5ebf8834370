"""The test accuracy that a given time allows: `kerasclf train --budget` beside fastai's fine_tune and AutoKeras.

    python -m benchmarks.time_to_accuracy FOLDER --weights WEIGHTS --minutes 1 10 --add-to rounds.json
    python -m benchmarks.time_to_accuracy birds:PATH --weights WEIGHTS --rivals fastai=VENV/bin/python

FOLDER has one folder per class, such as ten of the birds. 60 % of its images are training images, 15 % validation
images and 25 % test images. birds:PATH is Caltech-UCSD Birds 200 with its lists. Of its training images, 15 % become
validation images. Each round divides anew, and all contestants of a round get the same sets. WEIGHTS is a folder with
squeezenet1_1.safetensors, efficientnet_lite0.safetensors and mobilenet_v2_notop.weights.h5.

* kerasclf: chooses the network, the part that trains and the number of epochs. Its time is that of the whole process:
  imports, training, the predictions of the test images and the report.
* fastai: fine_tune of efficientnet_lite0 with the same weights. fastai-squeezenet1_1 is the same with that network.
* autokeras: its ImageClassifier. It has no pretrained weights unless it can download them.
* autokeras-mobilenet_v2: a search of AutoKeras over a block that this benchmark adds, with the same weights.

The time of fastai and AutoKeras ends with the trained model. Their predictions of the test images do not count. Each
contestant is a process of its own, and leaves a model when its time is over. `--rivals` names the Python of fastai or
AutoKeras, as each needs an environment of its own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import print_table

SHARES = (0.6, 0.75)
VALIDATION = 0.15
ROOT = Path(__file__).resolve().parents[1]
# A contestant that hangs ends after twice its time, and so many seconds.
PATIENCE_S = 900


@dataclass(frozen=True)
class Rival:
    """A contestant with a program of its own.

    Args:
        module: The program, a module of this package.
        network: Its first argument.
        needs: Modules that must be installed.
    """

    module: str
    network: str
    needs: tuple[str, ...]


_FASTAI = ("fastai", "timm", "torchvision", "safetensors")
RIVALS = {
    "fastai": Rival("timed_fastai", "efficientnet_lite0", _FASTAI),
    "fastai-squeezenet1_1": Rival("timed_fastai", "squeezenet1_1", _FASTAI),
    "autokeras": Rival("timed_autokeras", "search", ("autokeras", "tensorboard")),
    "autokeras-mobilenet_v2": Rival("timed_autokeras", "mobilenet_v2", ("autokeras", "tensorboard")),
}
CONTESTANTS = ("kerasclf", *RIVALS)

Files = Sequence[Path]


def divide(images: str, out: Path, seed: int) -> None:
    """Links images into OUT/train/CLASS, OUT/valid/CLASS and OUT/test/CLASS."""
    rng = np.random.default_rng(seed)
    for name, outside, tests in _classes(images):
        order: NDArray[Any] = rng.permutation(len(outside))
        if tests:
            parts = np.split(order, [len(outside) - round(VALIDATION * len(outside))])
        else:
            *parts, last = np.split(order, [round(share * len(outside)) for share in SHARES])
            tests = [outside[index] for index in last]
        train, valid = ([outside[index] for index in part] for part in parts)
        for part, files in (("train", train), ("valid", valid), ("test", tests)):
            (out / part / name).mkdir(parents=True)
            for file in files:
                (out / part / name / file.name).symlink_to(file.resolve())


def _classes(images: str) -> Iterator[tuple[str, Files, Files]]:
    """Yields the name of each class, its images outside the test set, and its test images if they are given."""
    spec, _, path = images.partition(":")
    if spec == "birds":
        lists = [(Path(path) / "lists" / f"{part}.txt").read_text().split() for part in ("train", "test")]
        for name in sorted({line.partition("/")[0] for line in lists[0]}):
            train, test = (
                [Path(path) / "images" / line for line in lines if line.startswith(f"{name}/")] for lines in lists
            )
            yield name, train, test
        return
    for group in sorted(path for path in Path(images).iterdir() if path.is_dir()):
        yield group.name, sorted(path for path in group.iterdir() if path.is_file()), ()


def kerasclf(images: Path, weights: Path, seconds: float) -> dict[str, Any]:
    """Returns the test accuracy of `kerasclf train --budget`, and the seconds of its process."""
    from kerasclf.report import read_results

    began = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        budget = ["--budget", f"{seconds:.0f}s", "--image-size", "224x224", "--out", f"{out}/run"]
        done = subprocess.run(
            [sys.executable, "-m", "kerasclf", "train", str(images), "--weights", str(weights), *budget],
            env={**os.environ, "KERASCLF_CACHE": f"{out}/cache"},  # no features of an earlier round
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        taken_s = time.monotonic() - began
        if "budget: expected at least" in done.stderr:
            return {"accuracy": None, "seconds": taken_s, "what": "the time is too short for a head"}
        if done.returncode:
            raise RuntimeError(done.stderr or done.stdout)
        chosen = read_results(f"{out}/run").chosen
        return {
            "accuracy": float(chosen.values("test_accuracy").mean()), "seconds": taken_s, "what": chosen.name,
        }  # fmt: skip


def rival(name: str, python: str, images: Path, weights: Path, seconds: float) -> dict[str, Any]:
    """Returns what the program of a rival reports: its test accuracy, its seconds, and what it did."""
    program = RIVALS[name]
    command = [python, "-m", f"benchmarks.{program.module}", program.network, str(images), str(weights)]
    try:
        done = subprocess.run(
            [*command, str(time.monotonic()), str(seconds)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * seconds + PATIENCE_S,
        )
    except subprocess.TimeoutExpired as late:
        return {"accuracy": None, "seconds": late.timeout, "what": "no model when it was ended"}
    if done.returncode:
        raise RuntimeError(done.stderr or done.stdout)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def installed(names: Sequence[str], pythons: dict[str, str]) -> Iterator[str]:
    """Yields the contestants that can take part, and says which cannot."""
    find = "import sys; from importlib.util import find_spec as f; print(*[m for m in sys.argv[1:] if not f(m)])"
    for name in names:
        needs = RIVALS[name].needs if name in RIVALS else ("kerasclf",)
        found = subprocess.run(
            [pythons[name], "-c", find, *needs], cwd=ROOT, capture_output=True, text=True, check=True
        )
        if missing := found.stdout.split():
            print(
                f"{name} takes no part: {pythons[name]} lacks {', '.join(missing)}. Install it there, or name another "
                f"Python: --rivals {name.partition('-')[0]}=PYTHON",
                file=sys.stderr,
            )
        else:
            yield name


class Rounds:
    """The results so far, and the file that keeps them.

    Args:
        file: A JSON file; None keeps nothing.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.results: dict[str, dict[str, Any]] = {}
        if file is not None and file.exists():
            self.results = json.loads(file.read_text())

    def add(self, key: str, measure: Callable[[], dict[str, Any]]) -> None:
        """Measures, unless the file has the result. A contestant that fails is measured again at the next start."""
        if key in self.results:
            return
        try:
            found = measure()
        except RuntimeError as error:
            print(f"{key} failed:\n{error}", file=sys.stderr)
            return
        self.results[key] = found
        print(f"{key}: {json.dumps(found)}", file=sys.stderr)
        if self._file is not None:
            self._file.write_text(json.dumps(self.results, indent=1))

    def of(self, start: str) -> list[dict[str, Any]]:
        """Returns the results of all rounds whose key starts so."""
        return [result for key, result in self.results.items() if key.startswith(f"{start}, round ")]


def row_of(minutes: float, name: str, results: Sequence[dict[str, Any]]) -> list[str]:
    """Returns the row of a contestant in the table."""
    accuracies = [result["accuracy"] for result in results if result["accuracy"] is not None]
    seconds = [result["seconds"] for result in results]
    spread = "no model"
    if accuracies:
        spread = f"{statistics.median(accuracies):.3f} ({min(accuracies):.3f}–{max(accuracies):.3f})"
    if len(results) > len(accuracies) > 0:
        spread += f", none in {len(results) - len(accuracies)} of {len(results)} rounds"
    what = "; ".join(dict.fromkeys(result["what"] for result in results))
    return [f"{minutes:g} min", name, spread, f"{min(seconds):.0f}–{max(seconds):.0f}", what]


def arguments_of(command: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", help="a folder with one folder of images per class, or birds:PATH")
    parser.add_argument("--weights", type=Path, required=True, help="a folder with a file named after each network")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10], help="the times (default: 1 10)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, each with other sets (default: 3)")
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=CONTESTANTS, help="these contestants")
    parser.add_argument("--rivals", nargs="+", default=[], metavar="NAME=PYTHON", help="the Python of a contestant")
    parser.add_argument("--add-to", type=Path, help="a file that keeps the results; a second start goes on from it")
    arguments = parser.parse_args(command)
    found = dict.fromkeys(CONTESTANTS, sys.executable)
    for pair in arguments.rivals:
        start, _, python = pair.partition("=")
        if not python or start not in {name.partition("-")[0] for name in RIVALS}:
            parser.error(f"--rivals: expected fastai=PYTHON or autokeras=PYTHON. Received: {pair}.")
        found |= {name: python for name in RIVALS if name.partition("-")[0] == start}
    arguments.pythons = found
    return arguments


def main(command: Sequence[str] | None = None) -> None:
    arguments = arguments_of(command)
    names = list(installed(arguments.only, arguments.pythons))
    rounds, weights = Rounds(arguments.add_to), arguments.weights.resolve()

    def key(minutes: float, name: str) -> str:
        return f"{arguments.images}, {minutes:g} min, {name}"

    for turn in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as folder:
            images = Path(folder)
            divide(arguments.images, images, turn)
            for minutes in arguments.minutes:
                for name in names:

                    def measure(name: str = name, images: Path = images, seconds: float = 60 * minutes) -> Any:
                        if name == "kerasclf":
                            return kerasclf(images, weights, seconds)
                        return rival(name, arguments.pythons[name], images, weights, seconds)

                    rounds.add(f"{key(minutes, name)}, round {turn + 1}", measure)
    rows = [
        row_of(minutes, name, results)
        for minutes in arguments.minutes
        for name in CONTESTANTS
        if (results := rounds.of(key(minutes, name)))
    ]
    print_table(["time", "contestant", "test accuracy (range)", "seconds", "what it did"], rows)


if __name__ == "__main__":
    main()
