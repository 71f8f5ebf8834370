"""One finished run of a study, as the report reads it."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kerasclf.runs.examples import Examples
from kerasclf.runs.run_records import RunDescription, RunEnvironment, SetSizes


@dataclass(frozen=True)
class Run:
    """One finished run: its seed, metrics, history and predictions.

    A run that continued another has that model's probabilities for the same images as `earlier_probabilities`.
    A run that kept its predictions of the validation images has their labels and probabilities as `validation`.
    Runs on the same test images have the same `test_images`, a hash of the images' names.
    """

    seed: int
    metrics: dict[str, Any]
    history: pd.DataFrame
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    description: RunDescription
    environment: RunEnvironment
    examples: Examples | None
    earlier_probabilities: NDArray[np.float64] | None = None
    test_images: str = ""
    validation: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    @property
    def images(self) -> dict[str, int]:
        """Number of images in each set."""
        return _as_dict(self.description["data"]["images"])

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the prediction of each test image is correct."""
        return np.asarray(self.probabilities.argmax(axis=1) == self.labels)

    @property
    def groups(self) -> NDArray[np.int64] | None:
        """Number of each test image's group, from 0; None without groups."""
        return groups_of(self.description)

    @property
    def validation_groups(self) -> NDArray[np.int64] | None:
        """The same of the validation images. An older run did not record it."""
        return _as_numbers(self.description["data"].get("validation_groups"))

    @property
    def leaked(self) -> NDArray[np.bool_]:
        """Whether a flaw has leaked each test image into the training or the choice of the epoch."""
        leaked = np.zeros(len(self.labels), bool)
        leaked[self.description["data"].get("leaked_test_images", [])] = True
        return leaked

    def __repr__(self) -> str:
        return f"<Run with seed {self.seed}: test accuracy {self.metrics.get('test_accuracy', math.nan):.4f}>"

    @property
    def experiment_data(self) -> str:
        """The data spec of the run."""
        return str(self.description["experiment"]["data"])

    @property
    def split(self) -> tuple[int, str]:
        """The seed of the split of the images, and the test images. Runs on one split have the same."""
        return int(self.description["experiment"]["split"]["seed"]), self.test_images

    @property
    def known_as(self) -> str | None:
        """Spec of the published data set that the images come from; None if they come from none."""
        # An older run did not record it: its spec says what it can.
        known = self.description["data"].get("known_as", self.experiment_data)
        return known if known is None else str(known)

    @property
    def new_images(self) -> dict[str, int]:
        """Number of images in each set that the continued run did not have; empty if the run continued none."""
        new = self.description["data"].get("new_images")
        return {} if new is None else _as_dict(new)

    @property
    def class_names(self) -> list[str]:
        """Class names in the order of the labels."""
        return list(self.description["class_names"])


def groups_of(description: RunDescription) -> NDArray[np.int64] | None:
    """Returns the number of the group, from 0, of each image that a run predicts; None without groups."""
    return _as_numbers(description["data"].get("test_groups"))


def _as_numbers(groups: list[int] | None) -> NDArray[np.int64] | None:
    return None if groups is None else np.array(groups, np.int64)


def _as_dict(sizes: SetSizes) -> dict[str, int]:
    return {"train": sizes["train"], "validation": sizes["validation"], "test": sizes["test"]}
