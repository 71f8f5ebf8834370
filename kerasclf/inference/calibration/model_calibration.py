"""`ModelCalibration`: the temperature of one trained model, and what its validation images allow it to promise.

A run keeps its network as trained. Its calibration follows from its validation predictions, and is fitted whenever it
is needed: so the files of a run agree with each other, and a resumed run is bit-identical to an uninterrupted one. A
model that `kerasclf calibrate` wrote computes calibrated probabilities itself, and carries its calibration in its
metadata. Needs no TensorFlow.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.reading import file_digest
from kerasclf.inference.calibration.abstention import Abstention, threshold_of
from kerasclf.inference.calibration.calibration import Temperature, confidence_and_correct, fit_temperature, temper
from kerasclf.inference.calibration.conformal import PredictionSets, sets_of
from kerasclf.inference.predictions import Promises
from kerasclf.networks.model_file import MODEL, read_calibration_data, read_class_names
from kerasclf.runs.metrics import Labels, Probabilities
from kerasclf.runs.run_folder import VALIDATION_PREDICTIONS, RunFolder
from kerasclf.schema import check_schema
from kerasclf.wording import counted

# The promises that stand in the metadata of a calibrated model, for programs that do not use kerasclf.
_PROMISE = 0.95
# A temperature of fewer images often does more harm than good: see docs/explanation/probabilities.md.
FEWEST_IMAGES = 50
# More validation images would fill the metadata of a model. A random part of them promises nearly as much.
_MOST_IMAGES = 100_000


class _Validation(TypedDict):
    """What the promises need to know of each validation image."""

    labels: list[int]
    of_true: list[float]
    confidence: list[float]
    correct: list[int]


class _Plain(TypedDict):
    """The calibration in the metadata of a model."""

    temperature: float
    fitted_on: int
    problem: str | None
    validation: _Validation


@dataclass(frozen=True, repr=False, eq=False)
class ModelCalibration:
    """The calibration of a trained model, fitted on the validation images of its run.

    Args:
        temperature: Its temperature.
        classes: Number of classes.
        labels: Labels of the validation images, shape (n,).
        of_true: The calibrated probability of their true classes, shape (n,).
        confidence: That of their most probable classes, shape (n,).
        correct: Whether these are the true ones, shape (n,).
        inside: Whether the model computes calibrated probabilities itself.
    """

    temperature: Temperature
    classes: int
    labels: NDArray[np.int64]
    of_true: NDArray[np.float64]
    confidence: NDArray[np.float64]
    correct: NDArray[np.bool_]
    inside: bool = False

    def __repr__(self) -> str:
        return f"<ModelCalibration: {self.sentence}>"

    @classmethod
    def fit(cls, labels: Labels, probabilities: Probabilities) -> Self:
        """Fits a calibration.

        Args:
            labels: Labels of the validation images, shape (n,).
            probabilities: Their class probabilities as trained, shape (n, classes).
        """
        found = usable_temperature(labels, probabilities)
        if len(labels) > _MOST_IMAGES:
            kept = np.random.default_rng(0).choice(len(labels), _MOST_IMAGES, replace=False)
            labels, probabilities = labels[kept], probabilities[kept]
        probabilities = _tempered(probabilities, found.value)
        of_true = probabilities[np.arange(len(labels)), labels].astype(np.float64)
        return cls(found, probabilities.shape[1], labels, of_true, *confidence_and_correct(labels, probabilities))

    @property
    def sentence(self) -> str:
        """The temperature, or why there is none, in words."""
        if problem := self.temperature.problem:
            return f"probabilities as trained: {problem[0].lower()}{problem[1:].rstrip('.')}"
        images = counted(self.temperature.images, "validation image")
        return f"calibrated probabilities: temperature {self.temperature.value:.2f}, fitted on {images}"

    def calibrated(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns calibrated probabilities from the outputs of the model, both of shape (n, classes)."""
        return outputs if self.inside else _tempered(outputs, self.temperature.value)

    def as_trained(self, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns the probabilities of the network as trained from the outputs of the model."""
        return _tempered(outputs, 1 / self.temperature.value) if self.inside else outputs

    def abstention(self, accuracy: float) -> Abstention:
        """Returns the rule that leaves images unanswered; see `choose_threshold`."""
        return threshold_of(self.confidence, self.correct, accuracy)

    def sets(self, coverage: float, by_class: bool = False) -> PredictionSets:
        """Returns the rule that gives each image a set of classes; see `conformal_sets`."""
        return sets_of(self.labels, self.of_true, self.classes, coverage, by_class)

    def promises(self, abstain_at: float | None, sets: float | None, sets_by_class: bool = False) -> Promises:
        """Returns the rules for a prediction.

        Args:
            abstain_at: The accuracy to promise for answered images; None answers every image.
            sets: The promised share of images whose set contains their true class; None for no sets.
            sets_by_class: Whether to keep the promise of sets for the images of each class.
        """
        return Promises(
            None if abstain_at is None else self.abstention(abstain_at),
            None if sets is None else self.sets(sets, sets_by_class),
        )

    @property
    def usual_promises(self) -> tuple[Abstention, PredictionSets]:
        """The promises of 95 %, which stand in the metadata of a calibrated model."""
        return self.abstention(_PROMISE), self.sets(_PROMISE)

    def to_plain(self) -> dict[str, Any]:
        """Returns the calibration for the metadata of a model, with the promises of 95 % written out."""
        answers, sets = self.usual_promises
        return {
            "temperature": self.temperature.value,
            "fitted_on": self.temperature.images,
            "problem": self.temperature.problem,
            "abstention": {
                "accuracy": _PROMISE,
                "threshold": None if answers.problem else answers.threshold,
                "problem": answers.problem,
            },
            "sets": {"coverage": _PROMISE, "least_probability": float(sets.least[0]), "problem": sets.problem},
            "validation": {
                "labels": self.labels.tolist(),
                "of_true": _digits(self.of_true),
                "confidence": _digits(self.confidence),
                "correct": self.correct.astype(int).tolist(),
            },
        }

    @classmethod
    def from_plain(cls, plain: Any, classes: int, source: object) -> Self:
        """Reads the calibration of a model from its metadata.

        Raises:
            FolderError: If it is none of a model with so many classes.
        """
        check_schema(plain, _Plain, source)
        validation = {name: np.array(plain["validation"][name]) for name in _Validation.__annotations__}
        labels, value = validation["labels"].astype(np.int64), plain["temperature"]
        shares = np.concatenate([validation["of_true"], validation["confidence"]])
        if (
            len({len(column) for column in validation.values()}) > 1
            or not ((labels >= 0) & (labels < classes)).all()
            or not ((shares >= 0) & (shares <= 1)).all()
            or not np.isin(validation["correct"], (0, 1)).all()
            or not 1e-3 <= value <= 1e3
        ):
            raise FolderError(
                f"{source} cannot be read: expected a temperature and probabilities of {classes} classes."
            )
        of_true, confidence = (
            validation[name].astype(np.float32).astype(np.float64) for name in ("of_true", "confidence")
        )
        temperature = Temperature(float(value), plain["fitted_on"], plain["problem"])
        return cls(temperature, classes, labels, of_true, confidence, validation["correct"] == 1, inside=True)


def usable_temperature(labels: Labels, probabilities: Probabilities) -> Temperature:
    """Fits a temperature as `fit_temperature` does, or says why too few validation images allow none."""
    if 0 < len(labels) < FEWEST_IMAGES:
        problem = f"A temperature needs at least {FEWEST_IMAGES} validation images. There are {len(labels)}."
        return Temperature(1.0, len(labels), problem)
    return fit_temperature(labels, probabilities)


def read_model_calibration(path: Path, run: RunFolder | None) -> ModelCalibration | None:
    """Returns the calibration of a model: that inside its file, or else that of its run; None without both.

    Args:
        path: The .keras file.
        run: The run that trained it, if it is known.

    Raises:
        FolderError: If a file cannot be read, or the model was changed after its run.
    """
    plain, classes = read_calibration_data(path), len(read_class_names(path))
    if plain is not None:
        return ModelCalibration.from_plain(plain, classes, f"calibration in {path}")
    validation = run.validation_predictions() if run else None
    if run is None or validation is None:
        return None
    if run.description()["files"].get(MODEL) != file_digest(path):
        raise FolderError(
            f"{path} is not the model of its run: {VALIDATION_PREDICTIONS} beside it does not calibrate it. Restore "
            "the file, or take probabilities as trained with `raw`."
        )
    return ModelCalibration.fit(*validation)


def trained_on_validation(description: Mapping[str, Any]) -> bool:
    """Returns whether a run, as its description says, has trained on the validation images too."""
    view = description.get("view", {})
    return bool(view.get("everything") or view.get("joined"))


def why_uncalibrated(run: RunFolder | None) -> str:
    """Returns why a model has no calibration, in a line.

    Args:
        run: The run that trained it; None if it is unknown.
    """
    if run is not None and trained_on_validation(run.description()):
        return (
            "probabilities as trained: the model was trained on the validation images too, which cannot calibrate it. "
            "A run of the study has calibrated probabilities"
        )
    return "probabilities as trained: no predictions of validation images are known"


def checked(
    calibration: ModelCalibration | None, path: Path, run: RunFolder | None = None, raw: bool = False
) -> ModelCalibration:
    """Returns a calibration that something needs.

    Args:
        calibration: That of a model; None if it has none.
        path: The .keras file.
        run: The run that trained it, if it is known.
        raw: Whether the probabilities are those of the network as trained.

    Raises:
        KerasclfError: If there is none, with what to do; or if the probabilities are not calibrated.
    """
    if raw:
        raise KerasclfError(
            "raw: expected calibrated probabilities for `abstain_at` and `sets`: the promises are theirs."
        )
    if calibration is not None:
        return calibration
    if run is None:
        reason, remedy = "which is not in the folder of its run", "Give the folder of the run, or a calibrated model"
    elif trained_on_validation(run.description()):
        reason = "which was trained on the validation images too: they cannot calibrate it"
        remedy = "Give the folder of a run of the study instead"
    else:
        reason, remedy = f"whose run kept no {VALIDATION_PREDICTIONS}", "Train it again with this version"
    raise KerasclfError(
        f"Expected a model whose predictions of validation images are known. Received: {path}, {reason}. {remedy}."
    )


def _tempered(probabilities: Probabilities, temperature: float) -> NDArray[np.float32]:
    """Returns probabilities after temperature scaling.

    They have the precision of a model's outputs: otherwise a threshold could separate what a model cannot.
    """
    if temperature == 1:
        return probabilities.astype(np.float32)
    return temper(probabilities, temperature).astype(np.float32)


def _digits(values: NDArray[np.float64]) -> list[float]:
    """Returns the values of float32 in nine digits, which restore them exactly."""
    return [float(f"{value:.9g}") for value in values]
