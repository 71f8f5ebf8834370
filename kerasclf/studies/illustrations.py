"""The arrays of the figures that need TensorFlow: the perceptron's decision line, kernels, feature maps, Grad-CAM.

They are stored in the folder of a study. The report reads them and needs no TensorFlow.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files.arrays import read_arrays, write_arrays
from kerasclf.files.writing import replaced
from kerasclf.networks.model_file import MODEL
from kerasclf.quiet import quiet_tensorflow
from kerasclf.runs.experiment import Experiment
from kerasclf.runs.run_folder import RunFolder
from kerasclf.schema import MAX_VALUE, check_schema
from kerasclf.studies.study_folder import StudyFolder

Arrays = tuple[dict[str, NDArray[Any]], dict[str, Any]]

_MAX_BYTES = 256 << 20
# More frames make no animation, and more layers no figure.
_MAX_STEPS, _MAX_LAYERS = 1000, 50
# Points of the grid along each axis.
_GRID = 60
_MARGIN = 0.5


class _Decision(TypedDict):
    """The description of a decision line."""

    class_names: list[str]


class _Visualization(TypedDict):
    """The description of a visualization: the layer of the kernels, (name, arithmetic) of the maps, a title."""

    kernels: str
    layers: list[list[str]]
    attention: str


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

    Raises:
        FolderError: If the file is damaged, or holds other arrays.
    """
    path = illustration_file(study, kind)
    if not path.exists():
        return None
    arrays, described = read_arrays(path, _MAX_BYTES)
    check_schema(described, _Decision if kind == "decision" else _Visualization, path)
    is_right = _is_decision(arrays, described) if kind == "decision" else _is_visualization(arrays, described)
    if not is_right:
        raise FolderError(f"{path} cannot be read: expected the arrays of a {kind}. Run the study again.")
    return arrays, described


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

    from kerasclf.models.visualization import feature_maps, grad_cam, kernels

    description = run.description()
    dataset = Experiment.from_dict(description["experiment"]).dataset(lambda line: None)
    image = dataset.test.images.read(np.array([0]))[0]
    model = keras.models.load_model(run.path / MODEL, compile=False, safe_mode=True)
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


def illustrate_study(folder: StudyFolder) -> None:
    """Stores the illustration of a study of the course in its folder; does nothing if the study has none.

    Args:
        folder: The study's folder, whose runs are finished.
    """
    study = folder.read()
    if study["name"] not in ILLUSTRATIONS:
        return
    quiet_tensorflow()
    _, name, illustrate = ILLUSTRATIONS[study["name"]]
    seed, experiment = study["seeds"][0], Experiment.from_dict(study["experiments"][name])
    illustrate(folder.run(name, experiment.on_split(seed, study["splits"]).identity, seed), folder.path)


def _is_decision(arrays: dict[str, NDArray[Any]], described: dict[str, Any]) -> bool:
    """Returns whether arrays are those of `illustrate_decision`, of any size that a figure can show."""
    if not _are_finite(arrays, ("points", "labels", "x", "y", "shares", "right")) or len(described["class_names"]) < 2:
        return False
    shapes = {name: array.shape for name, array in arrays.items()}
    steps = shapes["right"][:1]
    return (
        shapes["points"] == (*shapes["labels"], 2)
        and steps == shapes["right"]
        and 1 <= steps[0] <= _MAX_STEPS
        and all(len(shapes[name]) == 1 and shapes[name][0] > 1 and (np.diff(arrays[name]) > 0).all() for name in "xy")
        and shapes["shares"] == (*steps, *shapes["y"], *shapes["x"])
        and set(np.unique(arrays["labels"])) <= {0, 1}
    )


def _is_visualization(arrays: dict[str, NDArray[Any]], described: dict[str, Any]) -> bool:
    """Returns whether arrays are those of `illustrate_visualization`."""
    layers = described["layers"]
    if not all(len(layer) == 2 for layer in layers) or not 1 <= len(layers) <= _MAX_LAYERS:
        return False
    maps = [f"maps/{name}" for name, _ in layers]
    if not _are_finite(arrays, ("image", "kernels", "heat", *maps)):
        return False
    dimensions = {"image": 3, "kernels": 4, "heat": 2, **dict.fromkeys(maps, 3)}
    return (
        all(arrays[name].ndim == count and arrays[name].size for name, count in dimensions.items())
        and arrays["image"].dtype == np.uint8
        and arrays["image"].shape[2] in (1, 3)
    )


def _are_finite(arrays: dict[str, NDArray[Any]], names: Sequence[str]) -> bool:
    """Returns whether arrays of these names hold finite numbers that a figure can show."""
    return all(
        name in arrays
        and arrays[name].dtype.kind in "iuf"
        and (np.abs(arrays[name].astype(np.float64)) <= MAX_VALUE).all()
        for name in names
    )


def _write(path: Path, arrays: dict[str, NDArray[Any]], described: dict[str, Any]) -> None:
    with replaced(path) as partial, partial.open("wb") as file:
        write_arrays(file, arrays, described)
