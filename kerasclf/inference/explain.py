"""Explains predictions: heat maps of the supporting positions, and the training images with the nearest features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
from keras import layers
from numpy.typing import NDArray
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from kerasclf.data.dataset import Subset
from kerasclf.data.image_sources import ImageSource
from kerasclf.data.names import find_names
from kerasclf.errors import KerasclfError, unknown
from kerasclf.inference.model_engine import compute_with
from kerasclf.inference.read_ahead import ImageBatch, batch_size
from kerasclf.log import Log
from kerasclf.models.flattening import is_network
from kerasclf.models.visualization import grad_cams
from kerasclf.runs.run_data import dataset_of_run
from kerasclf.runs.run_folder import RunFolder
from kerasclf.transfer.compute_engines import ComputeEngine

# Training images that are searched for the nearest ones, unless all are requested.
MOST_SEARCHED = 5000


def heat_maps(
    model: keras.Model, images: NDArray[np.uint8], classes: Sequence[int] | None = None
) -> NDArray[np.float32]:
    """Returns where in each image the evidence for a class is: Grad-CAM, in the size of the images.

    Images are computed in batches of a fixed size.

    Args:
        model: From images to class probabilities.
        images: Pixels 0–255 of shape (n, height, width, channels).
        classes: Index of the class of each image; None for the predicted one.

    Returns:
        Values from 0 to 1 of shape (n, height, width); all 0 where no position supports the class.

    Raises:
        KerasclfError: If the model has no convolution, or a class does not exist. See
            `kerasclf.models.visualization.has_maps`.
    """
    size = images.shape[1:3]
    found = [enlarged(one.heat, size) for one in grad_cams(model, images, classes)]
    return np.stack(found) if found else np.zeros((0, *size), np.float32)


class Explained(NamedTuple):
    """Explained images.

    Args:
        predictions: One row per image, as `TrainedModel.predict` returns them.
        images: The images as the model sees them, uint8 of shape (n, height, width, channels).
        heat: The evidence for the class at each position, from 0 to 1, float32 of shape (n, height, width).
    """

    predictions: pd.DataFrame
    images: NDArray[np.uint8]
    heat: NDArray[np.float32]


def explain_batches(
    model: keras.Model,
    batches: Sequence[ImageBatch],
    predictions: pd.DataFrame,
    class_names: Sequence[str],
    class_name: str | None,
) -> Explained:
    """Returns the heat maps of images that are predicted already.

    Args:
        model: From images to class probabilities.
        batches: The images.
        predictions: One row per image; an image with a `problem` has no heat.
        class_names: Names of the classes.
        class_name: The class to explain; None for the predicted one of each image.

    Raises:
        KerasclfError: If the class is unknown, or the network has no feature maps.
    """
    label = None
    if class_name is not None:
        (label,) = find_names([class_name], class_names)
        if label < 0:
            raise KerasclfError(unknown("class", class_name, class_names))
    none = np.zeros((0, *model.input_shape[1:]), np.uint8)
    images = np.concatenate([none, *(batch.images for batch in batches)])
    heat = heat_maps(model, images, None if label is None else [label] * len(images))
    heat[predictions["problem"].notna().to_numpy()] = 0
    return Explained(predictions, images, heat)


def enlarged(heat: NDArray[np.float32], size: Sequence[int]) -> NDArray[np.float32]:
    """Returns a heat map resized to a height and a width, bilinearly."""
    height, width = size
    large = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(large, np.float32)


def features(model: keras.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Returns the features of images: the values from which the model's last layer with weights computes the classes.

    Args:
        model: From images to class probabilities.
        images: Pixels 0–255 of shape (n, height, width, channels).

    Returns:
        Features of shape (n, d): the input of the last dense layer, or of the last convolution, averaged over its
        positions.
    """
    compute, size = feature_model(model), batch_size(images.shape[1:])
    found = [np.zeros((0, compute.output_shape[-1]), np.float32)]
    for start in range(0, len(images), size):
        rows = compute(images[start : start + size], training=False)
        found.append(np.asarray(keras.ops.convert_to_numpy(rows), np.float32))
    return np.concatenate(found)


def feature_model(model: keras.Model) -> keras.Model:
    """Returns the model from images to the features that `features` describes. It shares the weights of `model`."""
    last, node, _ = model.outputs[0]._keras_history
    if is_network(last):
        (x,) = last._inbound_nodes[node].input_tensors
        return keras.Model(model.inputs[0], feature_model(last)(x))
    return keras.Model(model.inputs[0], _classifier_input(model.outputs[0]))


def _classifier_input(output: keras.KerasTensor) -> keras.KerasTensor:
    """Returns the input of the last layer with a kernel, with its positions averaged."""
    x = output
    while True:
        step, node, _ = x._keras_history
        inputs = step._inbound_nodes[node].input_tensors
        if len(inputs) != 1:  # the image itself, or several branches
            break
        (x,) = inputs
        if hasattr(step, "kernel"):
            break
    return x if len(x.shape) == 2 else layers.GlobalAveragePooling2D()(x)


class NearestImages:
    """Finds images with similar features, by the cosine distance: 0 for the same direction, 2 for the opposite one.

    Args:
        features: Features of the images to search, shape (n, d).

    Example:
        >>> import numpy as np
        >>> from kerasclf.inference.explain import NearestImages
        >>> nearest = NearestImages(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], np.float32))
        >>> indices, distances = nearest.find(np.array([[2.0, 0.0]], np.float32), k=2)
        >>> indices.tolist(), [f"{distance:.3f}" for distance in distances[0]]
        ([[0, 2]], ['0.000', '0.293'])
    """

    def __init__(self, features: NDArray[np.float32]) -> None:
        self._neighbors = NearestNeighbors(metric="cosine").fit(features)

    def __len__(self) -> int:
        return int(self._neighbors.n_samples_fit_)

    def find(self, features: NDArray[np.float32], k: int = 3) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Returns the images nearest to each of some others, the nearest first.

        Args:
            features: Features of the other images, shape (m, d).
            k: Number of images to find; at most the number of images.

        Returns:
            Their indices and their distances, each of shape (m, k).
        """
        distances, indices = self._neighbors.kneighbors(features, min(k, len(self)))
        return indices.astype(np.int64), distances.astype(np.float32)


@dataclass(frozen=True)
class NearestTrainingImages:
    """The training images of a run with their features, to find those that are nearest to other images.

    Args:
        images: The training images that are searched, with their labels and names.
        nearest: Finds them by their features. Its indices are those of `images`.
        available: Number of all training images.
    """

    images: Subset
    nearest: NearestImages
    available: int

    @property
    def sentence(self) -> str:
        """Which training images are searched."""
        if len(self.images) == self.available:
            return f"All {self.available:,} training images were searched."
        return f"{len(self.images):,} of {self.available:,} training images were searched, drawn at random."


def nearest_training_images(
    run: RunFolder,
    model: keras.Model,
    *,
    most: int | None = MOST_SEARCHED,
    seed: int = 0,
    engine: ComputeEngine = "auto",
    log: Log = lambda line: None,
) -> NearestTrainingImages:
    """Reads the training images of a run and computes their features.

    Memory grows only with the features.

    Args:
        run: The run.
        model: Its model.
        most: Maximum number of images, drawn at random if there are more; None for all.
        seed: Seed of the draw.
        engine: `"tensorflow"`, `"openvino"`, or `"auto"` for the fastest one.
        log: Receives progress messages.

    Raises:
        DataError: If the images cannot be read any more, or have changed.
    """
    return search_images(dataset_of_run(run, log).train, model, most=most, seed=seed, engine=engine)


def search_images(
    subset: Subset,
    model: keras.Model,
    *,
    most: int | None = MOST_SEARCHED,
    seed: int = 0,
    engine: ComputeEngine = "auto",
) -> NearestTrainingImages:
    """Computes the features of images of a set, as `nearest_training_images` does."""
    if subset.images.dtype != np.uint8:
        raise KerasclfError("Expected a model of images. Received: one of the rows of a table.")
    available = len(subset)
    if most is not None and most < available:
        subset = subset.take(np.sort(np.random.default_rng(seed).choice(available, most, replace=False)))
    compute = compute_with(feature_model(model), engine)
    rows = [np.asarray(found, np.float32) for (found,) in compute(_batches(subset.images))]
    return NearestTrainingImages(subset, NearestImages(np.concatenate(rows)), available)


def _batches(images: ImageSource) -> Iterator[NDArray[np.uint8]]:
    height, width, channels = images.shape
    size = batch_size((height, width, channels))
    for start in range(0, len(images), size):
        yield images.read(np.arange(start, min(start + size, len(images))))
