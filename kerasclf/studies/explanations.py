"""What explains the errors of a run: heat maps of test images, and the training images nearest to its errors.

They are computed when a study ends, and stored in its folder. The report reads them and needs no TensorFlow.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError
from kerasclf.files.arrays import read_arrays, write_arrays
from kerasclf.files.writing import replaced
from kerasclf.runs.examples import most_confident_errors, thumbnails
from kerasclf.runs.run_folder import RunFolder
from kerasclf.schema import check_schema

EXPLANATIONS = "explanations.npz"
# Errors, and as many correctly classified images.
IMAGES = 8
NEAREST = 3
# Training images that are searched: for most studies less work than an epoch.
_SEARCHED = 2000
_PIXELS = 160
_MAX_BYTES = 64 << 20


class _Described(TypedDict):
    """The run that is explained, its layer with the maps, and the training images that were searched."""

    experiment: str
    seed: int
    finished: str
    layer: str
    searched: str


@dataclass(frozen=True)
class Explanations:
    """Explained test images of a run.

    Args:
        experiment: Identity of the run's experiment.
        seed: Seed of the run.
        finished: When the run finished.
        layer: Name of the layer whose maps the heat maps weigh.
        searched: Which training images were searched, in a sentence.
        indices: Positions of the images in the test set, shape (n,). The errors are first, the most confident first.
        images: Their pixels 0–255, uint8 of shape (n, height, width, channels), at most 160 high and wide.
        heat: The evidence for their predicted classes, from 0 to 1, float32 of shape (n, rows, columns).
        names: Their names, shape (n,).
        near_images: The training images nearest to each error, the nearest first, as `images` of shape (errors, k,
            height, width, channels).
        near_labels: Their labels, shape (errors, k).
        near_names: Their names, shape (errors, k).
        near_distances: The cosine distances of their features, shape (errors, k).
    """

    experiment: str
    seed: int
    finished: str
    layer: str
    searched: str
    indices: NDArray[np.int64]
    images: NDArray[np.uint8]
    heat: NDArray[np.float32]
    names: NDArray[np.str_]
    near_images: NDArray[np.uint8]
    near_labels: NDArray[np.int64]
    near_names: NDArray[np.str_]
    near_distances: NDArray[np.float32]

    def explains(self, identity: str, seed: int, finished: str) -> bool:
        """Returns whether these are the explanations of a run: the chosen run may have changed since."""
        return (self.experiment, self.seed, self.finished) == (identity, seed, finished)


_ARRAYS = ("indices", "images", "heat", "names", "near_images", "near_labels", "near_names", "near_distances")


def read_explanations(study: Path) -> Explanations | None:
    """Returns the explanations in a study's folder; None if there are none.

    Raises:
        FolderError: If the file is damaged, or holds other arrays.
    """
    path = study / EXPLANATIONS
    if not path.exists():
        return None
    arrays, described = read_arrays(path, _MAX_BYTES)
    check_schema(described, _Described, path)
    if set(arrays) != set(_ARRAYS) or not _is_right(arrays):
        raise FolderError(f"{path} cannot be read: expected explained images. Delete it.")
    values: dict[str, Any] = {**described, **arrays}
    return Explanations(**values)


def explain_run(folder: str, identity: str, study: str) -> str | None:
    """Explains the most confident errors of a run and as many correct predictions, and stores them in a study's folder.

    Args:
        folder: The folder of the complete run.
        identity: Identity of its experiment.
        study: The study's folder.

    Returns:
        Why there is nothing to explain, or None: a network without feature maps, or the rows of a table.

    Raises:
        KerasclfError: If the images of the run cannot be read any more.
    """
    run = RunFolder(Path(folder))
    description = run.description()
    if description["data"]["image_shape"][:2] == [1, 1]:
        return "a table has no images"
    from kerasclf.inference.explain import features, search_images
    from kerasclf.models.saved_networks import load_saved
    from kerasclf.models.visualization import grad_cams, has_maps
    from kerasclf.networks.model_file import MODEL
    from kerasclf.runs.run_data import dataset_of_run

    model = load_saved(run.path / MODEL)
    if not has_maps(model):
        return "the network has no feature maps"
    labels, probabilities = run.predictions()
    errors, correct = chosen_images(labels, probabilities)
    indices = np.concatenate([errors, correct])
    dataset = dataset_of_run(run, lambda line: None)
    test = dataset.test.take(indices)
    images = test.images.read(np.arange(len(test)))
    attentions = grad_cams(model, images, probabilities[indices].argmax(axis=1).tolist())
    training = search_images(dataset.train, model, most=_SEARCHED)
    count = min(NEAREST, len(training.images)) if len(errors) else 0
    found, distances = np.zeros((len(errors), count), np.int64), np.zeros((len(errors), count), np.float32)
    if count:
        found, distances = training.nearest.find(features(model, images[: len(errors)]), count)
    near = training.images.take(found.ravel())
    small = thumbnails(near.images.read(np.arange(len(near))))
    _write(
        Path(study) / EXPLANATIONS,
        Explanations(
            experiment=identity,
            seed=description["seed"],
            finished=description["finished"],
            layer=attentions[0].layer,
            searched=training.sentence,
            indices=indices,
            images=thumbnails(images, _PIXELS),
            heat=np.stack([one.heat for one in attentions]),
            names=np.array(test.names, np.str_),
            near_images=small.reshape(*found.shape, *small.shape[1:]),
            near_labels=training.images.labels[found],
            near_names=np.array(near.names, np.str_).reshape(found.shape),
            near_distances=distances,
        ),
    )
    return None


def chosen_images(
    labels: NDArray[np.int64], probabilities: NDArray[np.floating]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the positions of the most confident errors, and of as many correct predictions, drawn at random."""
    correct = np.flatnonzero(probabilities.argmax(axis=1) == labels)
    drawn = np.random.default_rng(0).permutation(correct)[:IMAGES]
    return most_confident_errors(labels, probabilities, IMAGES), np.sort(drawn)


def _write(path: Path, found: Explanations) -> None:
    described = {name: getattr(found, name) for name in _Described.__annotations__}
    with replaced(path) as partial, partial.open("wb") as file:
        write_arrays(file, {name: getattr(found, name) for name in _ARRAYS}, described)


def _is_right(arrays: dict[str, NDArray[Any]]) -> bool:
    """Returns whether arrays are those of `Explanations`, of any number of images."""
    kinds = {"images": "u", "near_images": "u", "heat": "f", "near_distances": "f", "names": "U", "near_names": "U"}
    if any(array.dtype.kind != kinds.get(name, "i") for name, array in arrays.items()):
        return False
    images, near, heat = arrays["images"], arrays["near_images"], arrays["heat"]
    return (
        arrays["indices"].ndim == 1
        and images.ndim == 4
        and near.ndim == 5
        and heat.ndim == 3
        and images.dtype == near.dtype == np.uint8
        and all(1 <= size <= _PIXELS for size in (*images.shape[1:], *heat.shape[1:], *near.shape[2:]))
        and len(arrays["indices"]) == len(images) == len(heat) == len(arrays["names"])
        and near.shape[0] <= len(images)
        and all(arrays[name].shape == near.shape[:2] for name in ("near_labels", "near_names", "near_distances"))
        and np.isfinite(arrays["near_distances"]).all()
        and bool(((heat >= 0) & (heat <= 1)).all())
        and bool((arrays["indices"] >= 0).all() and (arrays["near_labels"] >= 0).all())
    )
