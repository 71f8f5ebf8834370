"""`Answers`: all that the page of `kerasclf demo` says of an image. It knows nothing of the page itself."""

import math
from dataclasses import dataclass, field
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.data.pixels.decode import read_header, read_image
from kerasclf.errors import KerasclfError
from kerasclf.escaping import on_one_line
from kerasclf.inference.explain import NearestTrainingImages, feature_model, heat_maps, nearest_training_images
from kerasclf.inference.predictions import NO_PROMISES, Prediction, Promises, most_probable
from kerasclf.inference.read_ahead import ImageBatch
from kerasclf.inference.trained_model import Computing, TrainedModel
from kerasclf.log import Log

CLASSES = 5
NEIGHBOURS = 3
# Of a picture on the page. Photographs are larger.
_MOST_PIXELS_PER_SIDE = 640
# Of a picture on the page. Those of CIFAR and MNIST are smaller.
_FEWEST_PIXELS_PER_SIDE = 256
_ADVICE = " Replace or remove the file."


@dataclass(frozen=True)
class Neighbour:
    """A training image that the network finds similar.

    Args:
        class_name: Its class.
        name: Its file.
        image: uint8 of shape (height, width, channels), pixels 0–255.
    """

    class_name: str
    name: str
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class Answer:
    """What the page shows of an image.

    Args:
        prediction: The most probable classes, or why the image cannot be read.
        overlay: The image with its heat map, uint8 of shape (height, width, 3); None without one.
        neighbours: The nearest training images, the nearest first; empty if they are unknown.
    """

    prediction: Prediction
    overlay: NDArray[np.uint8] | None = None
    neighbours: tuple[Neighbour, ...] = ()
    promises: Promises = field(default=NO_PROMISES)

    @property
    def sentences(self) -> list[str]:
        """The prediction in words, and what is promised of it; or the one problem of the image."""
        found = self.prediction
        if found.problem:
            return [f"{found.problem} Choose another one: a JPEG, PNG, WebP or TIFF file, for example."]
        said = [f"{found.classes[0]}: {percent(found.probabilities[0])}"]
        if (rule := self.promises.abstention) is not None:
            limit = (
                f"{percent(rule.threshold)}, above which at least {100 * rule.accuracy:.4g} % of answers are correct"
            )
            said.append(
                f"Too uncertain for an answer: the probability is not above {limit}."
                if found.abstained
                else f"Certain enough for an answer: the probability is above {limit}."
            )
        if (sets := self.promises.sets) is not None and found.class_set:
            said.append(
                f"Prediction set: {', '.join(found.class_set)}. Such sets contain the true class of "
                f"{100 * sets.coverage:.4g} % of images like the validation images, on average."
            )
        return said


class Answers:
    """Answers for image files: they are read as `kerasclf predict` reads them.

    Args:
        trained: The model.
        nearest: Its training images; None if they are unknown.

    Raises:
        KerasclfError: If the model takes rows of a table.
    """

    def __init__(self, trained: TrainedModel, nearest: NearestTrainingImages | None = None) -> None:
        self.trained, self.nearest = trained, nearest
        self.promises, self.notes = _usual_promises(trained)
        self._compute: Computing = trained.prepare()
        self._features = None if nearest is None else feature_model(trained.model)

    def answer(self, path: Path, name: str) -> Answer:
        """Returns the answer for an image file.

        Args:
            path: Where it is.
            name: How the user calls it. A message does not name its place on this machine.
        """
        ((batch, rows),) = self._compute(self.trained.read_files([str(path)]))
        if problem := batch.problems.get(0):
            return Answer(Prediction(name, problem=_problem(problem, path, name)))
        names = self.trained.class_names
        prediction = most_probable(name, rows[0], names, min(CLASSES, len(names)), self.promises)
        overlay = self._overlay(path, batch, int(rows[0].argmax()))
        return Answer(prediction, overlay, self._neighbours(batch), self.promises)

    def _overlay(self, path: Path, batch: ImageBatch, label: int) -> NDArray[np.uint8] | None:
        """Returns the picture with the heat map of a class; None without convolutions."""
        try:
            heat = heat_maps(self.trained.model, batch.images, [label])[0]
        except KerasclfError:
            return None
        return laid_over(_picture(path, self.trained), heat)

    def _neighbours(self, batch: ImageBatch) -> tuple[Neighbour, ...]:
        if self.nearest is None or self._features is None:
            return ()
        rows = keras.ops.convert_to_numpy(self._features(batch.images, training=False))
        indices = self.nearest.nearest.find(np.asarray(rows, np.float32), NEIGHBOURS)[0][0]
        found, names = self.nearest.images.take(indices), self.trained.class_names
        return tuple(
            Neighbour(names[label], name, _enlarged(image))
            for label, name, image in zip(
                found.labels.tolist(), found.names, found.images.read(np.arange(len(found))), strict=True
            )
        )


def prepare_answers(trained: TrainedModel, log: Log) -> tuple[Answers, str]:
    """Returns the answers of a model, and why they lack nearest training images, which is empty if they do not.

    Args:
        trained: The model.
        log: Receives progress messages.
    """
    if trained.run is None:
        return Answers(trained), "Nearest training images: unknown, as the model is not in the folder of its run."
    try:
        nearest = nearest_training_images(trained.run, trained.model, log=log)
    except (KerasclfError, OSError) as error:
        return Answers(trained), f"Nearest training images: none. {error}"
    return Answers(trained, nearest), ""


def _picture(path: Path, trained: TrainedModel) -> NDArray[np.uint8]:
    """Returns the picture of a file in a size for the page.

    A model that squashes images has the picture in its own proportions, as its heat map stretches with it. Otherwise
    the picture is the part, or the part with a border, that the model sees.
    """
    (height, width), _ = read_header(path)
    if trained.image_fit != "squash":
        side = max(height, width)
        height, width = (round(length * side / max(trained.image_size)) for length in trained.image_size)
    factor = min(1.0, _MOST_PIXELS_PER_SIDE / max(height, width))
    size = max(1, math.floor(height * factor)), max(1, math.floor(width * factor))
    return _enlarged(read_image(path, size, fit=trained.image_fit))


def _enlarged(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns a small image with each of its pixels as a square, and in colour; other images stay."""
    times = max(1, _FEWEST_PIXELS_PER_SIDE // max(image.shape[:2]))
    image = np.broadcast_to(image, (*image.shape[:2], 3))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def laid_over(image: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Returns an image with a heat map over it: unchanged where the heat is 0, red where it is 1.

    Args:
        image: uint8 of shape (height, width, 3), pixels 0–255.
        heat: float32 of any height and width, from 0 to 1.
    """
    height, width = image.shape[:2]
    scaled = Image.fromarray(heat.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    heat = np.asarray(scaled, np.float32).clip(0, 1)[..., None]
    # From yellow to red, and the less transparent the hotter.
    color = np.concatenate([np.full_like(heat, 255), 220 * (1 - heat), np.zeros_like(heat)], axis=-1)
    strength = 0.65 * heat
    return np.asarray((1 - strength) * image + strength * color + 0.5).astype(np.uint8)


def percent(share: float) -> str:
    """Returns a probability in percent. Only what is certain is 0 % or 100 %."""
    shown = f"{share:.1%}"
    if shown == "100.0%" and share < 1:
        return "above 99.9%"
    return "below 0.1%" if shown == "0.0%" and share > 0 else shown


def _usual_promises(trained: TrainedModel) -> tuple[Promises, list[str]]:
    """Returns the promises of 95 % that the calibration allows, and what holds for the probabilities of all images."""
    calibration = trained.calibration
    if calibration is None:
        return NO_PROMISES, ["Probabilities as trained: no predictions of validation images are known."]
    abstention, sets = calibration.usual_promises
    notes = [f"{calibration.sentence[0].upper()}{calibration.sentence[1:]}."]
    notes += [rule.problem for rule in (abstention, sets) if rule.problem]
    return Promises(None if abstention.problem else abstention, None if sets.problem else sets), notes


def _problem(problem: str, path: Path, name: str) -> str:
    """Returns in a sentence why an image cannot be read."""
    said = f"{name} {problem.removesuffix(_ADVICE.strip()).rstrip()}"
    return on_one_line(said.replace(str(path), name))
