"""S1a and S1b as published, in plain Keras: an independent check of the published protocol.

    python -m benchmarks.plain_keras FOLDER [TRAINING ...]

FOLDER holds CIFAR-100's first 25 classes as train/CLASS/*.png and test/CLASS/*.png. SEEDS is the number of runs, and
each core takes one. Without names of trainings, all of them run. Networks, training and augmentation are those of Keras
itself; no code of kerasclf takes part in them. The table puts the test accuracies beside those of kerasclf in reports/,
with the 95 % interval of their difference over seeds.
"""

import csv
import functools
import json
import math
import os
import statistics
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import print_table

SEEDS = int(os.environ.get("SEEDS", "3"))
# By report: its trainings. One training gives the results of all its ends.
TRAININGS = {
    "basenet": ("sgd", "adam"),
    "ladder": ("base", "normalised", "augmented", "deeper", "bn_before", "bn_after", "early_stopping"),
}
_REPORTS = Path(__file__).parents[1] / "reports"
_BATCH = 256  # for validation and test
Accuracies = dict[str, float]  # by experiment


def main() -> None:
    known = [training for trainings in TRAININGS.values() for training in trainings]
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(known):
        sys.exit(f"{__doc__}\nTrainings: {', '.join(known)}.")
    folder, chosen = Path(sys.argv[1]), sys.argv[2:] or known
    if missing := [part for part in ("train", "test") if not (folder / part).is_dir()]:
        sys.exit(f"Expected the folders train and test in {folder}. Missing: {', '.join(missing)}.")
    found: dict[str, list[float]] = {}
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=_use_one_thread) as pool:
        jobs = {pool.submit(_train, folder, training, seed): seed for seed in range(SEEDS) for training in chosen}
        for job in as_completed(jobs):
            for name, accuracy in job.result().items():
                found.setdefault(name, []).append(accuracy)
                print(json.dumps({"experiment": name, "seed": jobs[job], "test_accuracy": accuracy}), flush=True)
    headings = ["experiment", "plain Keras", "kerasclf, mean", "difference, points"]
    for study, trainings in TRAININGS.items():
        if set(chosen).intersection(trainings):
            print_table(headings, _compared(found, f"{study}-cifar100-25-published"))


def _use_one_thread() -> None:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _train(folder: Path, training: str, seed: int) -> Accuracies:
    sets = _read(folder)
    return _basenet(sets, training, seed) if training in TRAININGS["basenet"] else _ladder(sets, training, seed)


@functools.cache
def _read(folder: Path) -> dict[str, Any]:
    """Returns the images and labels of three sets. The first tenth of the shuffled training images validates."""
    from PIL import Image

    arrays = {}
    for part in ("train", "test"):
        classes = sorted(path for path in (folder / part).iterdir() if path.is_dir())
        files = [(file, label) for label, path in enumerate(classes) for file in sorted(path.iterdir())]
        images = np.stack([np.asarray(Image.open(file).convert("RGB"), np.float32) for file, _ in files])
        arrays[part] = images, np.array([label for _, label in files])
    (x, y), order = arrays["train"], np.random.default_rng(0).permutation(len(arrays["train"][1]))
    x, y, tenth = x[order], y[order], len(y) // 10
    return {"train": (x[tenth:], y[tenth:]), "validation": (x[:tenth], y[:tenth]), "test": arrays["test"]}


def _basenet(sets: dict[str, Any], optimizer: str, seed: int) -> Accuracies:
    """Trains S1a with one optimizer: 40 epochs include the 20."""
    rescaled, found = _rescaled(sets), {}
    model = _compiled(seed, optimizer)
    for epochs in (20, 40):
        model.fit(*rescaled["train"], 64, epochs=20, validation_data=rescaled["validation"], verbose=0)
        found[f"{optimizer}_{epochs}"] = model.evaluate(*rescaled["test"], _BATCH, verbose=0)[1]
    return found


def _ladder(sets: dict[str, Any], rung: str, seed: int) -> Accuracies:
    """Trains a rung of S1b. The validation images are augmented like the training images, as in the original."""
    import keras
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    if rung == "base":
        rescaled, model = _rescaled(sets), _compiled(seed, "adam")
        model.fit(*rescaled["train"], 32, epochs=30, validation_data=rescaled["validation"], verbose=0)
        return {rung: model.evaluate(*rescaled["test"], _BATCH, verbose=0)[1]}

    standard = {"featurewise_center": True, "featurewise_std_normalization": True}
    plain, busy = ImageDataGenerator(**standard), ImageDataGenerator(**standard, zoom_range=0.2, horizontal_flip=True)
    for generator in (plain, busy):
        generator.fit(sets["train"][0])

    def fitted(model: Any, generator: Any, epochs: int, first: int = 0, callbacks: Any = ()) -> float:
        model.fit(
            generator.flow(*sets["train"], batch_size=32, seed=seed),
            validation_data=generator.flow(*sets["validation"], batch_size=_BATCH, shuffle=False),
            initial_epoch=first,
            epochs=epochs,
            callbacks=list(callbacks),
            verbose=0,
        )
        return float(model.evaluate(plain.flow(*sets["test"], batch_size=_BATCH, shuffle=False), verbose=0)[1])

    stop = keras.callbacks.EarlyStopping("val_accuracy", patience=2, restore_best_weights=True)
    before: Callable[[], Any] = functools.partial(_compiled, seed, "adam", deeper=True, norm="before")
    match rung:
        case "normalised":
            return {rung: fitted(_compiled(seed, "adam"), plain, 30)}
        case "augmented":
            return {rung: fitted(_compiled(seed, "adam"), busy, 30)}
        case "deeper":
            return {rung: fitted(_compiled(seed, "adam", deeper=True), busy, 30)}
        case "bn_before":
            model = before()
            return {"stop_by_eye": fitted(model, busy, 21), rung: fitted(model, busy, 30, first=21)}
        case "bn_after":
            return {rung: fitted(_compiled(seed, "adam", deeper=True, norm="after"), busy, 30)}
        case _:
            return {rung: fitted(before(), busy, 40, callbacks=[stop])}


def _rescaled(sets: dict[str, Any]) -> dict[str, Any]:
    return {name: (x / 255, y) for name, (x, y) in sets.items()}


def _compiled(seed: int, optimizer: str, deeper: bool = False, norm: str = "") -> Any:
    import keras
    from keras import layers

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)

    def active(layer: Any) -> list[Any]:
        relu, batch_norm = layers.ReLU(), layers.BatchNormalization()
        return {"before": [layer, batch_norm, relu], "after": [layer, relu, batch_norm]}.get(norm, [layer, relu])

    def conv(filters: int, kernel: int, padding: str = "valid") -> list[Any]:
        return active(layers.Conv2D(filters, kernel, padding=padding))

    pool, top = layers.MaxPooling2D, [*active(layers.Dense(50)), layers.Dense(25, activation="softmax")]
    if deeper:
        first = [*conv(6, 5), *conv(16, 3, "same"), pool()]
        second = [*conv(16, 3, "same"), *conv(24, 3, "same"), *conv(32, 5), pool()]
        body = [*first, *second, layers.Flatten(), *active(layers.Dense(100))]
    else:
        body = [*conv(6, 5), pool(), *conv(16, 5), pool(), layers.Flatten()]
    model = keras.Sequential([layers.Input((32, 32, 3)), *body, *top])
    weights = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    assert norm or weights == (112_793 if deeper else 24_197), weights
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _compared(found: dict[str, list[float]], report: str) -> list[list[str]]:
    """Returns a row for each experiment: these runs, those of kerasclf, and the difference in points."""
    from scipy import stats

    with (_REPORTS / report / "summary.csv").open() as file:
        ours = {row["experiment"]: row for row in csv.DictReader(file)}
    rows = []
    for name in [name for name in ours if name in found]:
        accuracies = found[name]
        mean, runs = float(ours[name]["test_accuracy"]), int(ours[name]["runs"])
        freedom = len(accuracies) + runs - 2
        squares = (runs - 1) * float(ours[name]["test_accuracy_std"]) ** 2
        squares += (len(accuracies) - 1) * (statistics.variance(accuracies) if len(accuracies) > 1 else 0.0)
        error = math.sqrt(squares / freedom * (1 / len(accuracies) + 1 / runs))
        difference, half = 100 * (statistics.mean(accuracies) - mean), 100 * stats.t.ppf(0.975, freedom) * error
        runs_here = ", ".join(f"{accuracy:.4f}" for accuracy in accuracies)
        interval = f"{difference:+.1f} ({difference - half:+.1f} to {difference + half:+.1f})"
        rows.append([name, runs_here, f"{mean:.4f}, n = {runs}", interval])
    return rows


if __name__ == "__main__":
    main()
