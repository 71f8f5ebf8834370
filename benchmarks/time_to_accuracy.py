"""The test accuracy that a given time allows: `kerasclf train --budget` beside fastai's fine_tune and AutoKeras.

    python -m benchmarks.time_to_accuracy FOLDER --weights WEIGHTS [--minutes 1 10] [--rounds 3]

FOLDER has one folder per class, such as the ten birds. Its images are divided once into 70 % training, 15 % validation
and 15 % test images, and all contestants get the same sets. WEIGHTS is a folder with the weights of efficientnet_lite0,
mobilenet_v2 and squeezenet1_1. The test images take part in no choice.

* kerasclf: chooses the network, the part that trains and the number of epochs itself. Its time is that of the whole
  process, with the imports and the report.
* fastai: fine_tune of timm's efficientnet_lite0 with the same weights, images of 224×224 and the augmentation that
  fastai proposes. A frozen epoch is timed, which decides how many epochs follow. It takes part if fastai and timm are
  installed.
* autokeras: ImageClassifier, which searches until the time is over. It takes part if autokeras is installed.

A contestant that is not installed is left out, and the output says so. A table shows the test accuracy (median, and the
range over the rounds) and the seconds that each took.
"""

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import in_turns, print_table

# Modules that each contestant needs.
NEEDS = {"kerasclf": ("kerasclf",), "fastai": ("fastai", "timm", "safetensors"), "autokeras": ("autokeras",)}
SHARES = (0.7, 0.85)
# Share of the time that a peer trains; the rest is for the evaluation.
TRAINING = 0.9
_SETTINGS = "BENCH_TIME"


def divide(folder: Path, out: Path) -> None:
    """Links the images of a folder into sets: OUT/train, OUT/valid and OUT/test, stratified and seeded."""
    rng = np.random.default_rng(0)
    for group in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = sorted(path for path in group.iterdir() if path.is_file())
        order = rng.permutation(len(files))
        ends = [round(share * len(files)) for share in SHARES]
        for name, indices in zip(("train", "valid", "test"), np.split(order, ends), strict=True):
            (out / name / group.name).mkdir(parents=True)
            for index in indices:
                (out / name / group.name / files[index].name).symlink_to(files[index].resolve())


def kerasclf(images: Path, weights: Path, seconds: float) -> float:
    """Returns the test accuracy of `kerasclf train --budget`."""
    from kerasclf.report import read_results

    with tempfile.TemporaryDirectory() as out:
        command = [
            "train",
            str(images),
            "--weights",
            str(weights),
            "--budget",
            f"{seconds:.0f}s",
            "--out",
            f"{out}/run",
        ]
        environment = {**os.environ, "KERASCLF_CACHE": f"{out}/cache"}  # no features of an earlier round
        done = subprocess.run(
            [sys.executable, "-m", "kerasclf", *command], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(done.stderr or done.stdout)
        return float(read_results(f"{out}/run").chosen.values("test_accuracy").mean())


def fastai(images: Path, weights: Path, seconds: float) -> float:
    """Returns the test accuracy of fastai's fine_tune with the weights of efficientnet_lite0."""
    import timm
    from fastai.vision.all import (
        Callback,
        CancelFitException,
        ImageDataLoaders,
        Resize,
        accuracy,
        aug_transforms,
        get_image_files,
        vision_learner,
    )
    from safetensors.torch import load_file

    began = time.monotonic()

    class StopInTime(Callback):  # type: ignore[misc]
        def after_batch(self) -> None:
            if time.monotonic() - began > TRAINING * seconds:
                raise CancelFitException

    dls = ImageDataLoaders.from_folder(
        images, train="train", valid="valid", item_tfms=Resize(224), batch_tfms=aug_transforms(), bs=32
    )
    learner = vision_learner(dls, "efficientnet_lite0", pretrained=False, metrics=accuracy, cbs=StopInTime())
    pretrained = timm.create_model("efficientnet_lite0", pretrained=False)
    pretrained.load_state_dict(load_file(weights / "efficientnet_lite0.safetensors"))
    wanted = learner.model[0].model.state_dict()
    learner.model[0].model.load_state_dict({k: v for k, v in pretrained.state_dict().items() if k in wanted})
    learner.freeze()
    frozen = time.monotonic()
    with learner.no_bar(), learner.no_logging():
        learner.fit_one_cycle(1, 2e-3)
        epoch_s = time.monotonic() - frozen
        # Training all layers takes about three times as long as training the head.
        left = TRAINING * seconds - (time.monotonic() - began)
        epochs = max(1, int(left / (3 * epoch_s)))
        learner.unfreeze()
        learner.fit_one_cycle(epochs, slice(1e-3 / 200, 1e-3 / 2), pct_start=0.3, div=5.0)
        tests = dls.test_dl(get_image_files(images / "test"), with_labels=True)
        probabilities, labels = learner.get_preds(dl=tests)
    return float((probabilities.argmax(1) == labels).float().mean())


def autokeras(images: Path, weights: Path, seconds: float) -> float:
    """Returns the test accuracy of AutoKeras' ImageClassifier. It has no weights of the folder."""
    import autokeras as ak
    import keras
    import keras_tuner

    began = time.monotonic()

    class StopInTime(keras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
            if time.monotonic() - began > TRAINING * seconds:
                raise keras_tuner.errors.FatalError("the time is over")

    def read(name: str) -> Any:
        return keras.utils.image_dataset_from_directory(
            images / name, image_size=(224, 224), batch_size=32, label_mode="categorical", shuffle=name == "train"
        )

    with tempfile.TemporaryDirectory() as folder:
        search = ak.ImageClassifier(max_trials=1000, directory=folder, overwrite=True, seed=0)
        with contextlib.suppress(keras_tuner.errors.FatalError):
            search.fit(read("train"), validation_data=read("valid"), epochs=20, callbacks=[StopInTime()], verbose=0)
        model = search.export_model()
        right = [model.predict(x, verbose=0).argmax(1) == y.numpy().argmax(1) for x, y in read("test")]
    return float(np.concatenate(right).mean())


CONTESTANTS: dict[str, Callable[[Path, Path, float], float]] = {
    "kerasclf": kerasclf, "fastai": fastai, "autokeras": autokeras,
}  # fmt: skip


def installed() -> Iterator[str]:
    """Yields the contestants that can take part, and says which cannot."""
    for name, modules in NEEDS.items():
        if missing := [module for module in modules if find_spec(module) is None]:
            print(f"{name} takes no part: {', '.join(missing)} is not installed.", file=sys.stderr)
        else:
            yield name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder with one folder of images per class")
    parser.add_argument("--weights", type=Path, required=True, help="a folder with a file named after each network")
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10], help="the times (default: 1 10)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (default: 3)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as images:
        divide(arguments.folder, Path(images))
        os.environ[_SETTINGS] = json.dumps([images, str(arguments.weights.resolve())])
        contestants = [(name, f"{60 * minutes:g}") for minutes in arguments.minutes for name in installed()]
        found = in_turns("benchmarks.time_to_accuracy", contestants, arguments.rounds)
    rows = []
    for (name, seconds), results in found.items():
        accuracies, taken = ([result[key] for result in results] for key in ("accuracy", "seconds"))
        spread = f"{statistics.median(accuracies):.3f} ({min(accuracies):.3f}–{max(accuracies):.3f})"
        rows.append([f"{float(seconds) / 60:g} min", name, spread, f"{min(taken):.0f}–{max(taken):.0f}"])
    print_table(["time", "contestant", "test accuracy (range)", "seconds taken"], rows)


def measure(name: str, seconds: float) -> None:
    """Runs one contestant, and prints its accuracy and its time as JSON."""
    images, weights = map(Path, json.loads(os.environ[_SETTINGS]))
    began = time.monotonic()
    accuracy = CONTESTANTS[name](images, weights, seconds)
    print(json.dumps({"accuracy": accuracy, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] in CONTESTANTS:
        measure(sys.argv[1], float(sys.argv[2]))
    else:
        main()
