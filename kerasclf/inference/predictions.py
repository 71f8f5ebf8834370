"""The prediction of an image: its most probable classes, or why there are none. Needs no TensorFlow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.inference.calibration.abstention import Abstention
from kerasclf.inference.calibration.conformal import PredictionSets


@dataclass(frozen=True)
class Promises:
    """The rules that say more of an image than its most probable classes. Each adds a column.

    Args:
        abstention: Which images are answered; None for no such column.
        sets: The classes in the set of each image; None for no such column.
    """

    abstention: Abstention | None = None
    sets: PredictionSets | None = None

    @property
    def columns(self) -> list[str]:
        """The names of their columns."""
        return [name for name, rule in (("abstained", self.abstention), ("set", self.sets)) if rule is not None]


NO_PROMISES = Promises()


@dataclass(frozen=True)
class Prediction:
    """The prediction of one image.

    Args:
        file: The image file, or the number of the image from 0 if it is none.
        classes: Names of the most probable classes, the most probable one first; empty if there is a problem.
        probabilities: Their probabilities.
        problem: Why the image cannot be read; None if it can.
        abstained: Whether the image stays unanswered; None if every image is answered.
        class_set: The classes that contain the true one as often as promised, the most probable one first; None
            without such a promise.
    """

    file: str
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    problem: str | None = None
    abstained: bool | None = None
    class_set: tuple[str, ...] | None = None

    def row(self, top: int, promises: Promises = NO_PROMISES) -> "list[Value]":
        """Returns the values of the `columns`."""
        pairs: list[Value] = [value for pair in zip(self.classes, self.probabilities, strict=True) for value in pair]
        promised: dict[str, Value] = {"abstained": self.abstained, "set": self.class_set}
        return [
            self.file,
            *(pairs or [None] * (2 * top)),
            *(promised[name] for name in promises.columns),
            self.problem,
        ]


# A value of a table: a text, a probability, whether the image is unanswered, or the names of classes.
Value = str | float | bool | tuple[str, ...] | None


def columns(top: int, promises: Promises = NO_PROMISES) -> list[str]:
    """Returns the names of the columns: file, class, probability, class_2, …, abstained, set, problem.

    Args:
        top: Number of classes per image.
        promises: The rules that add `abstained` and `set`.
    """
    more = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("class", "probability")]
    return ["file", "class", "probability", *more, *promises.columns, "problem"]


def as_table(predictions: Iterable[Prediction], top: int, promises: Promises = NO_PROMISES) -> pd.DataFrame:
    """Returns predictions as a table with the `columns`, one row per image."""
    rows = [prediction.row(top, promises) for prediction in predictions]
    return pd.DataFrame(rows, columns=columns(top, promises))


def most_probable(
    file: str,
    probabilities: NDArray[np.floating],
    class_names: Sequence[str],
    top: int,
    promises: Promises = NO_PROMISES,
) -> Prediction:
    """Returns the prediction of an image. The first one of equally probable classes comes first.

    Args:
        file: The image file.
        probabilities: Probability of each class, shape (classes,).
        class_names: Names of the classes.
        top: Number of classes.
        promises: The rules that decide whether it is answered, and its set of classes.
    """
    order = np.argsort(-probabilities, kind="stable")
    abstained, class_set = None, None
    if promises.abstention is not None:
        abstained = not promises.abstention.answers(probabilities[None])[0]
    if promises.sets is not None:
        inside = promises.sets.sets(probabilities[None])[0]
        class_set = tuple(class_names[i] for i in order if inside[i])
    return Prediction(
        file,
        tuple(class_names[i] for i in order[:top]),
        tuple(float(probabilities[i]) for i in order[:top]),
        abstained=abstained,
        class_set=class_set,
    )
