"""`TrainedModel`: a saved model with the names of its classes, which predicts new images."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.data.pixels.image_fit import Fit
from kerasclf.errors import KerasclfError, Problems
from kerasclf.inference.array_batches import Arrays, array_batches
from kerasclf.inference.calibration.model_calibration import ModelCalibration, checked
from kerasclf.inference.image_files import ImageFiles
from kerasclf.inference.model_checks import check_probabilities, input_problem, names_problem
from kerasclf.inference.model_engine import compute_with
from kerasclf.inference.predictions import NO_PROMISES, Prediction, Promises, as_table, most_probable
from kerasclf.inference.read_ahead import ImageBatch, file_reader, read_batches
from kerasclf.log import Log
from kerasclf.models.saved_networks import load_saved
from kerasclf.networks.model_file import read_class_names, read_fit
from kerasclf.runs.run_folder import RunFolder
from kerasclf.transfer.compute_engines import ComputeEngine

if TYPE_CHECKING:
    from kerasclf.evaluation import Evaluation
    from kerasclf.inference.explain import Explained

Files = str | Path | Sequence[str | Path]
# From batches to each batch with its class probabilities.
Computing = Callable[[Iterable[ImageBatch]], Iterator[tuple[ImageBatch, NDArray[np.float32]]]]


@dataclass(frozen=True, repr=False)
class TrainedModel:
    """A saved model that knows its classes. `kerasclf.load` makes it.

    Args:
        path: Its .keras file.
        model: From raw uint8 images, pixels 0–255, to class probabilities; uncompiled.
        class_names: Names of the classes, in the order of the model's outputs.
        run: The run that trained it; None if its folder is unknown.
        calibration: Its calibration; None if its predictions of validation images are unknown.
        raw: Whether its probabilities are those of the network as trained, without calibration.
        image_fit: How its images fill `image_size`: `"squash"`, `"crop"` or `"pad"` (see
            `kerasclf.data.pixels.image_fit`).
    """

    path: Path
    model: keras.Model
    class_names: tuple[str, ...]
    run: RunFolder | None = None
    calibration: ModelCalibration | None = None
    raw: bool = False
    image_fit: Fit = "squash"

    def __repr__(self) -> str:
        size = "x".join(map(str, self.image_shape))
        return f"<TrainedModel: {self.path}, images of {size}, {len(self.class_names)} classes>"

    @classmethod
    def read(
        cls,
        path: Path,
        run: RunFolder | None = None,
        calibration: ModelCalibration | None = None,
        raw: bool = False,
    ) -> "TrainedModel":
        """Loads a model in Keras' safe mode.

        Args:
            path: The .keras file.
            run: The run that trained it, if it is known.
            calibration: Its calibration, if it is known.
            raw: Whether to leave its probabilities as trained.

        Raises:
            KerasclfError: If it cannot be loaded, or lacks something that a model of kerasclf has; the message lists
                all that it lacks.
        """
        names, fit, model = read_class_names(path), read_fit(path), load_saved(path)
        problems = Problems()
        for problem in (input_problem(model, path), names_problem(model, names, path)):
            if problem:
                problems.add(problem)
        problems.raise_all(f"{path} cannot be used")
        return cls(path, model, names, run=run, calibration=calibration, raw=raw, image_fit=fit)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Height, width and channels of its images."""
        height, width, channels = self.model.input_shape[1:]
        return height, width, channels

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of its images, in pixels. Images of other sizes are resized as in training."""
        return self.image_shape[:2]

    @property
    def channels(self) -> int:
        """3 for images in colour, 1 for grey ones."""
        return self.image_shape[2]

    def predict(
        self,
        images: Files | Arrays,
        *,
        top: int = 1,
        abstain_at: float | None = None,
        sets: float | None = None,
        sets_by_class: bool = False,
        engine: ComputeEngine = "auto",
    ) -> pd.DataFrame:
        """Predicts the classes of images.

        Args:
            images: Image files, folders, globs or `photos.csv:column`, as for `kerasclf predict`. Or a uint8 array of
                shape (n, height, width, channels), pixels 0–255, or a list of arrays of shape (height, width,
                channels), which may have any size.
            top: Number of classes per image.
            abstain_at: The accuracy to promise for answered images, such as 0.95; None answers every image.
            sets: The promised share of images whose set contains their true class, such as 0.9; None for no sets.
            sets_by_class: Whether to keep the promise of sets for the images of each class.
            engine: `"tensorflow"`, `"openvino"`, or `"auto"` for the fastest one.

        Returns:
            One row per image: file, class, probability, then class_2, probability_2 and so on, and `problem`, which
            says why an image cannot be read. `file` is the number of the image, from 0, for arrays. With promises
            there are the columns `abstained` (bool) and `set` (class names, the most probable first).

        Raises:
            KerasclfError: If arrays do not fit the model, or it cannot promise anything.
        """
        top, promises = min(top, len(self.class_names)), NO_PROMISES
        if abstain_at is not None or sets is not None:
            calibration = checked(self.calibration, self.path, self.run, self.raw)
            promises = calibration.promises(abstain_at, sets, sets_by_class)
        found = self.predictions(self._batches(images), top=top, promises=promises, engine=engine)
        return as_table(found, top, promises)

    def explain(self, images: Files | Arrays, class_name: str | None = None) -> "Explained":
        """Explains predictions: where in each image the evidence for a class is (Grad-CAM).

        Args:
            images: As for `predict`. All of them are kept in memory.
            class_name: The class to explain; None for the predicted one of each image.

        Returns:
            Predictions, the images as the model sees them, and heat maps. An image that cannot be read has a black
            image and a heat map of 0.

        Raises:
            KerasclfError: If the class is unknown, or the network has no feature maps.

        Example:
            >>> image = keras.Input((8, 8, 1), dtype="uint8")
            >>> maps = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(image))
            >>> classes = keras.layers.Dense(2, "softmax")(keras.layers.GlobalAveragePooling2D()(maps))
            >>> trained = TrainedModel(Path("model.keras"), keras.Model(image, classes), ("cat", "dog"))
            >>> trained.explain(np.zeros((4, 8, 8, 1), np.uint8), "dog").heat.shape
            (4, 8, 8)
        """
        from kerasclf.inference.explain import explain_batches

        batches = list(self._batches(images))
        predictions = as_table(self.predictions(batches, engine="tensorflow"), 1, NO_PROMISES)
        return explain_batches(self.model, batches, predictions, self.class_names, class_name)

    def probabilities(self, images: Files | Arrays, *, engine: ComputeEngine = "auto") -> NDArray[np.float32]:
        """Returns the probability of each class, shape (n, classes); nan for an image that cannot be read.

        Args:
            images: As for `predict`.
            engine: As for `predict`.
        """
        found = [np.zeros((0, len(self.class_names)), np.float32)]
        for batch, rows in self.compute(self._batches(images), engine):
            rows[list(batch.problems)] = np.nan
            found.append(rows)
        return np.concatenate(found)

    def evaluate(
        self,
        data: str,
        *,
        tta: str | int | None = None,
        corrupted: bool = False,
        rename: Mapping[str, str] | None = None,
        known_only: bool = False,
        engine: ComputeEngine = "auto",
    ) -> "Evaluation":
        """Evaluates the model on labelled images.

        Args:
            data: A data set, as `load_dataset` takes it. Its test set is used if it has one of its own, otherwise all
                its images. Classes are matched by name.
            tta: `"flip"`, or a number of views from 2 to 10 whose probabilities are averaged, too.
            corrupted: Whether to predict six corruptions in five strengths, too.
            rename: The model's name of a class that is called otherwise in the data set.
            known_only: Whether to leave out images of classes that the model does not know.
            engine: As for `predict`.

        Returns:
            The evaluation, with `accuracy`, `interval`, `table()` and `write_report(path)`.

        Raises:
            KerasclfError: If the data set cannot be used, or has classes that the model does not know.
        """
        from kerasclf.evaluation import evaluate
        from kerasclf.inference.averaged_views import views_of
        from kerasclf.inference.labelled_images import LabelledImages
        from kerasclf.inference.labelled_predictions import EvaluationOptions

        options = EvaluationOptions(
            views_of(tta), corrupted, rename=dict(rename or {}), known_only=known_only, engine=engine
        )
        # A report fits the temperature itself and shows its effect.
        return evaluate([replace(self, raw=True)], LabelledImages.find(data), options)

    def read_files(self, files: Iterable[str]) -> Iterator[ImageBatch]:
        """Yields the images of some files as in training, batch by batch, while threads read the next ones."""
        return read_batches(files, self.image_shape, file_reader(self.image_shape, self.image_fit))

    def predictions(
        self,
        batches: Iterable[ImageBatch],
        *,
        top: int = 1,
        promises: Promises = NO_PROMISES,
        engine: ComputeEngine = "auto",
        log: Log = lambda line: None,
    ) -> Iterator[Prediction]:
        """Yields the prediction of each image, in their order. Memory does not grow with the number of images.

        Args:
            batches: The images, such as those of `read_files`.
            top: Number of classes per image.
            promises: The rules of the calibration that add columns.
            engine: As for `predict`.
            log: Receives the name of the engine.
        """
        for batch, rows in self.compute(batches, engine, log):
            for position, file in enumerate(batch.files):
                if problem := batch.problems.get(position):
                    yield Prediction(file, problem=problem)
                else:
                    yield most_probable(file, rows[position], self.class_names, top, promises)

    def compute(
        self, batches: Iterable[ImageBatch], engine: ComputeEngine = "auto", log: Log = lambda line: None
    ) -> Iterator[tuple[ImageBatch, NDArray[np.float32]]]:
        """Yields each batch with its class probabilities, shape (n, classes).

        Raises:
            KerasclfError: If the model takes rows of a table, or its outputs are no probabilities.
        """
        return self.prepare(engine, log)(batches)

    def prepare(self, engine: ComputeEngine = "auto", log: Log = lambda line: None) -> Computing:
        """Returns `compute` for many calls. To prepare an engine takes seconds.

        Raises:
            KerasclfError: If the model takes rows of a table.
        """
        if self.model.inputs[0].dtype != "uint8":
            raise KerasclfError(f"Expected a model of images. Received: {self.path}, a model of the rows of a table.")
        compute = compute_with(self.model, engine, log)

        def computing(batches: Iterable[ImageBatch]) -> Iterator[tuple[ImageBatch, NDArray[np.float32]]]:
            waiting = deque[ImageBatch]()

            def images() -> Iterator[NDArray[np.uint8]]:
                for batch in batches:
                    waiting.append(batch)
                    yield batch.images

            for (rows,) in compute(images()):
                rows = np.array(rows, np.float32)
                check_probabilities(rows, self.path)
                yield waiting.popleft(), self._scaled(rows)

        return computing

    def _scaled(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the outputs of the model as calibrated or raw probabilities."""
        if self.calibration is None:
            return outputs
        return self.calibration.as_trained(outputs) if self.raw else self.calibration.calibrated(outputs)

    def _batches(self, images: Files | Arrays) -> Iterator[ImageBatch]:
        if isinstance(images, str | Path):
            images = [images]
        if all(isinstance(image, str | Path) for image in images) and not isinstance(images, np.ndarray):
            return self.read_files(ImageFiles(tuple(map(str, images))))
        return array_batches(images, self.image_shape, self.image_fit)  # type: ignore[arg-type]
