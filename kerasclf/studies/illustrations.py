"""What a report cannot compute without TensorFlow: the perceptron's line while it moves, and what a network sees.

Kept as arrays in a study's folder, so that its report can be written anew without TensorFlow.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.files import read_arrays, write_arrays
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder

Arrays = tuple[dict[str, NDArray[Any]], dict[str, Any]]

# Places along each axis at which the perceptron is asked for its opinion.
_GRID = 60
_MARGIN = 0.5


def illustration_file(study: Path, kind: str) -> Path:
    """Returns where a study's folder keeps an illustration: decision or seen."""
    return study / f"{kind}.npz"


def read_illustration(study: Path, kind: str) -> Arrays | None:
    """Returns the arrays of an illustration and what is said of them, or None where there is none."""
    path = illustration_file(study, kind)
    return read_arrays(path) if path.exists() else None


def illustrate_decision(run: RunFolder, study: Path) -> None:
    """Trains a run on points in the plane once more, and keeps what it thinks of the plane after each epoch.

    A run is a function of experiment and seed, so that this is the run itself, looked at. Arrays: `points` (n, 2) and
    `labels` of the training part; `x`, `y` of a grid; `shares` (epochs + 1, y, x), the probability of the second
    class, the first of them before the training; `right` (epochs + 1), the share of the points on their right side.
    """
    import keras

    from kerasclf.training.train import train

    description = run.description()
    experiment = Experiment.from_dict(description["experiment"])
    dataset = experiment.dataset(lambda line: None)
    points = dataset.train.images.read(np.arange(len(dataset.train)))[:, 0, 0]
    x, y = (
        np.linspace(low - _MARGIN, high + _MARGIN, _GRID)
        for low, high in zip(points.min(0), points.max(0), strict=True)
    )
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 1, 1, 2).astype(np.float32)
    shares, right = list[NDArray[Any]](), list[float]()
    rows = points[:, None, None]

    class Ask(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.on_epoch_end(-1)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            shares.append(np.asarray(self.model(grid, training=False))[:, 1].reshape(_GRID, _GRID))
            opinion = np.asarray(self.model(rows, training=False))[:, 1] >= 0.5
            right.append(float((opinion == (dataset.train.labels == 1)).mean()))

    train(dataset, experiment.recipe(description["seed"]), callbacks=[Ask()])
    arrays = {"points": points, "labels": dataset.train.labels, "x": x, "y": y}
    arrays |= {"shares": np.stack(shares), "right": np.array(right)}
    _write(illustration_file(study, "decision"), arrays, {"class_names": description["class_names"]})


def illustrate_seen(run: RunFolder, study: Path) -> None:
    """Keeps what a run's network sees of the first test image: kernels, feature maps, and where it looks.

    Arrays: `image`, `kernels`, `heat`, and `maps/NAME` of each convolution.
    """
    import keras

    from kerasclf.models.explaining.visualization import feature_maps, grad_cam, kernels

    description = run.description()
    dataset = Experiment.from_dict(description["experiment"]).dataset(lambda line: None)
    image = dataset.test.images.read(np.array([0]))[0]
    model = keras.models.load_model(run.path / "model.keras", compile=False, safe_mode=True)
    first, maps, heat = kernels(model), feature_maps(model, image), grad_cam(model, image)
    names = description["class_names"]
    _write(
        illustration_file(study, "seen"),
        {
            "image": image,
            "kernels": first.values,
            "heat": heat.heat,
            **{f"maps/{found.layer}": found.maps for found in maps},
        },
        {
            "kernels": first.layer,
            "layers": [[found.layer, found.arithmetic] for found in maps],
            "attention": f"{names[heat.label]} ({heat.probability:.1%}), by {heat.layer}; "
            f"truly {names[dataset.test.labels[0]]}",
        },
    )


# What the figures of an exercise need, by the name of its study: the kind, and the experiment whose first run it shows.
ILLUSTRATIONS: dict[str, tuple[str, str, Callable[[RunFolder, Path], None]]] = {
    "course-perceptron": ("decision", "perceptron", illustrate_decision),
    "course-cnn": ("seen", "no_decay", illustrate_seen),
}


def _write(path: Path, arrays: dict[str, NDArray[Any]], described: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        write_arrays(file, arrays, described)
    partial.replace(path)
