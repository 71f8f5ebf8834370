"""The prediction of an image: its most probable classes, or why there are none. Needs no TensorFlow."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """The prediction of one image.

    Args:
        file: The image file, or the number of the image from 0 if it is none.
        classes: Names of the most probable classes, the most probable one first; empty if there is a problem.
        probabilities: Their probabilities.
        problem: Why the image cannot be read; None if it can.
    """

    file: str
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    problem: str | None = None

    def row(self, top: int) -> list[str | float | None]:
        """Returns the values of the `columns`."""
        found: list[str | float | None] = [
            value for pair in zip(self.classes, self.probabilities, strict=True) for value in pair
        ]
        return [self.file, *(found or [None] * (2 * top)), self.problem]


def columns(top: int) -> list[str]:
    """Returns the names of the columns: file, class, probability, class_2, probability_2, …, problem.

    Args:
        top: Number of classes per image.
    """
    more = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("class", "probability")]
    return ["file", "class", "probability", *more, "problem"]


def as_table(predictions: Iterable[Prediction], top: int) -> pd.DataFrame:
    """Returns predictions as a table with the `columns`, one row per image."""
    return pd.DataFrame([prediction.row(top) for prediction in predictions], columns=columns(top))


def most_probable(file: str, probabilities: NDArray[np.floating], class_names: Sequence[str], top: int) -> Prediction:
    """Returns the prediction of an image. The first one of equally probable classes comes first.

    Args:
        file: The image file.
        probabilities: Probability of each class, shape (classes,).
        class_names: Names of the classes.
        top: Number of classes.
    """
    order = np.argsort(-probabilities, kind="stable")[:top]
    return Prediction(file, tuple(class_names[i] for i in order), tuple(float(probabilities[i]) for i in order))
