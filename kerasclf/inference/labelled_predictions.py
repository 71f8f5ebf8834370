"""Predicts labelled images with a model: as they are, as averaged views, and corrupted. One pass reads them once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from kerasclf.data.earlier_sets import read_earlier_sets
from kerasclf.data.image_sources import key_of
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.errors import DataError, KerasclfError
from kerasclf.inference.averaged_views import VIEWS, ImageView
from kerasclf.inference.corruptions import CORRUPTIONS, STRENGTHS, corrupt
from kerasclf.inference.labelled_images import LabelledImages
from kerasclf.inference.read_ahead import ImageBatch
from kerasclf.log import Log
from kerasclf.machine.resources import usable_cores
from kerasclf.runs.run_folder import RunFolder, manifest_file
from kerasclf.values import seed_problems

if TYPE_CHECKING:
    from kerasclf.transfer.compute_engines import ComputeEngine

PixelChange = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
# A corruption and its strength.
Corrupted = tuple[str, int]
ALL_CORRUPTED: tuple[Corrupted, ...] = tuple((name, strength) for name in CORRUPTIONS for strength in STRENGTHS)


class Computes(Protocol):
    """The part of a `TrainedModel` that an evaluation needs."""

    @property
    def image_shape(self) -> tuple[int, int, int]: ...

    @property
    def image_fit(self) -> Fit: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    @property
    def run(self) -> RunFolder | None: ...

    def compute(
        self, batches: Iterable[ImageBatch], engine: "ComputeEngine" = "auto", log: Log = lambda line: None
    ) -> Iterator[tuple[ImageBatch, NDArray[np.float32]]]:
        """Yields each batch with its class probabilities."""


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate models.

    Args:
        views: The views whose probabilities are averaged, the image itself first.
        corrupted: Whether to predict six corruptions in five strengths, too.
        ensemble: Whether to average the probabilities of several models, too.
        rename: The models' name of a class that is called otherwise in the data set.
        known_only: Whether to leave out images of classes that the models do not know.
        seed: Seed of the corruptions.
        engine: What computes the models.

    Raises:
        KerasclfError: If the seed cannot be used.
    """

    views: tuple[ImageView, ...] = VIEWS[:1]
    corrupted: bool = False
    ensemble: bool = False
    rename: Mapping[str, str] = field(default_factory=dict)
    known_only: bool = False
    seed: int = 0
    engine: "ComputeEngine" = "auto"

    def __post_init__(self) -> None:
        if problems := seed_problems(self.seed):
            raise KerasclfError(problems[0])

    @property
    def passes(self) -> int:
        """Number of computations per image and model."""
        return len(self.changes)

    @property
    def changes(self) -> list[PixelChange | None]:
        """What happens to a batch, computation by computation; None for nothing."""
        changes: list[PixelChange | None] = [None, *(view.of for view in self.views[1:])]
        if self.corrupted:
            changes += [partial(_corrupt_all, name=name, strength=s, seed=self.seed) for name, s in ALL_CORRUPTED]
        return changes


@dataclass(frozen=True)
class Predicted:
    """The predictions of one model.

    Args:
        probabilities: Class probabilities, float32 of shape (n, classes).
        averaged: Their mean over views; None without test-time augmentation.
        right: Whether the class of each corrupted image is found, shape (n, 30); None without corruptions.
        problems: Why an image cannot be read, by its position.
        keys: A hash of the pixels of each image, at the size of the model.
    """

    probabilities: NDArray[np.float32]
    averaged: NDArray[np.float32] | None
    right: NDArray[np.bool_] | None
    problems: dict[int, str]
    keys: tuple[str, ...]

    def take(self, indices: NDArray[np.int64]) -> "Predicted":
        """Returns the predictions of readable images alone."""
        return Predicted(
            self.probabilities[indices],
            None if self.averaged is None else self.averaged[indices],
            None if self.right is None else self.right[indices],
            {},
            tuple(self.keys[int(i)] for i in indices),
        )


def predict_labelled(
    model: Computes,
    images: LabelledImages,
    options: EvaluationOptions,
    log: Log = lambda line: None,
    advance: Callable[[int], None] = lambda count: None,
) -> Predicted:
    """Predicts all images, batch by batch. No more than a few batches of pixels are in memory.

    Args:
        model: The model.
        images: The images, whose labels are those of the model's classes.
        options: What to compute.
        log: Receives the name of the engine.
        advance: Receives the number of images of each batch that is computed.
    """
    changes, views = options.changes, len(options.views)
    found = np.zeros((len(images), len(model.class_names)), np.float32)
    summed = np.zeros_like(found) if views > 1 else None
    right = np.zeros((len(images), len(ALL_CORRUPTED)), bool) if options.corrupted else None
    problems: dict[int, str] = {}
    keys: list[str] = []
    rows = slice(0, 0)
    batches = _changed(images.batches(model.image_shape, model.image_fit), changes)
    for number, (batch, probabilities) in enumerate(model.compute(batches, options.engine, log)):
        change = number % len(changes)
        if change == 0:
            rows = slice(rows.stop, rows.stop + len(batch.files))
            found[rows] = probabilities
            keys += [key_of(image.tobytes()) for image in batch.images]
            problems |= {rows.start + position: problem for position, problem in batch.problems.items()}
        if summed is not None and change < views:
            summed[rows] += probabilities
        if right is not None and change >= views:
            right[rows, change - views] = probabilities.argmax(axis=1) == images.labels[rows]
        advance(len(batch.files))
    return Predicted(found, None if summed is None else summed / np.float32(views), right, problems, tuple(keys))


def sets_of(run: RunFolder | None, keys: Iterable[str]) -> dict[str, int] | None:
    """Returns how many images were in each set of a run, by their pixels; None if the run did not record its images.

    Args:
        run: The run, in the folder of its study.
        keys: A hash of each image.
    """
    if run is None:
        return None
    description = run.description()
    try:
        set_of = read_earlier_sets(manifest_file(run.study_path, description["data"]["manifest"])).set_of
    except DataError:
        return None
    view, counts = description.get("view", {}), {"train": 0, "validation": 0, "test": 0}
    for key in keys:
        name = set_of.get(key)
        if name and (view.get("everything") or (name == "validation" and view.get("joined"))):
            name = "train"
        if name:
            counts[name] += 1
    return counts


def _changed(batches: Iterable[ImageBatch], changes: list[PixelChange | None]) -> Iterator[ImageBatch]:
    """Yields every change of a batch, then those of the next one."""
    for batch in batches:
        for change in changes:
            yield batch if change is None else replace(batch, images=change(batch.images))


def _corrupt_all(images: NDArray[np.uint8], name: str, strength: int, seed: int) -> NDArray[np.uint8]:
    # Pillow and NumPy work outside the interpreter lock.
    with ThreadPoolExecutor(usable_cores()) as pool:
        return np.stack(list(pool.map(lambda image: corrupt(image, name, strength, seed), images)))
