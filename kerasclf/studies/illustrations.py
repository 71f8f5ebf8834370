"""The arrays of the figures that need TensorFlow: the perceptron's decision line, kernels, feature maps, Grad-CAM.

They are stored in the folder of a study. The report reads them and needs no TensorFlow.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.files import read_arrays, replaced, write_arrays
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder

Arrays = tuple[dict[str, NDArray[Any]], dict[str, Any]]

# Points of the grid along each axis.
_GRID = 60
_MARGIN = 0.5


def illustration_file(study: Path, kind: str) -> Path:
    """Returns the path of an illustration in a study's folder.

    Args:
        study: The study's folder.
        kind: `"decision"` or `"visualization"`.
    """
    return study / f"{kind}.npz"


def read_illustration(study: Path, kind: str) -> Arrays | None:
    """Returns the arrays of an illustration and their description; None if there is no illustration.

    Args:
        study: The study's folder.
        kind: `"decision"` or `"visualization"`.
    """
    path = illustration_file(study, kind)
    return read_arrays(path) if path.exists() else None


def illustrate_decision(run: RunFolder, study: Path) -> None:
    """Repeats a run on points in the plane, and stores its predictions on a grid after each epoch.

    A run is a function of the experiment and the seed, so the repetition is identical to the run. Arrays:

    * `points` (n, 2) and `labels` (n,) of the training set;
    * `x` and `y`, the coordinates of the grid;
    * `shares` (epochs + 1, y, x), the probability of the second class, first before the training;
    * `right` (epochs + 1,), the training accuracy.

    Args:
        run: The complete run.
        study: The study's folder.
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

    class RecordPredictions(keras.callbacks.Callback):
        def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
            self.on_epoch_end(-1)

        def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
            shares.append(np.asarray(self.model(grid, training=False))[:, 1].reshape(_GRID, _GRID))
            predicted = np.asarray(self.model(rows, training=False))[:, 1] >= 0.5
            right.append(float((predicted == (dataset.train.labels == 1)).mean()))

    train(dataset, experiment.recipe(description["seed"]), callbacks=[RecordPredictions()])
    arrays = {"points": points, "labels": dataset.train.labels, "x": x, "y": y}
    arrays |= {"shares": np.stack(shares), "right": np.array(right)}
    _write(illustration_file(study, "decision"), arrays, {"class_names": description["class_names"]})


def illustrate_visualization(run: RunFolder, study: Path) -> None:
    """Stores the kernels of a run's network, and the feature maps and Grad-CAM heat map of the first test image.

    Arrays: `image`, `kernels`, `heat`, and `maps/NAME` of each convolution.

    Args:
        run: The complete run.
        study: The study's folder.
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
        illustration_file(study, "visualization"),
        {
            "image": image,
            "kernels": first.values,
            "heat": heat.heat,
            **{f"maps/{found.layer}": found.maps for found in maps},
        },
        {
            "kernels": first.layer,
            "layers": [[found.layer, found.arithmetic] for found in maps],
            "attention": f"predicted {names[heat.label]} ({heat.probability:.1%}), layer {heat.layer}; "
            f"true class {names[dataset.test.labels[0]]}",
        },
    )


# The illustration of each study that has one: its kind, the experiment whose first run it shows, and its function.
ILLUSTRATIONS: dict[str, tuple[str, str, Callable[[RunFolder, Path], None]]] = {
    "course-perceptron": ("decision", "perceptron", illustrate_decision),
    "course-cnn": ("visualization", "no_decay", illustrate_visualization),
}


def _write(path: Path, arrays: dict[str, NDArray[Any]], described: dict[str, Any]) -> None:
    with replaced(path) as partial, partial.open("wb") as file:
        write_arrays(file, arrays, described)
