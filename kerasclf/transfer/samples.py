"""Activations of a few images, to measure a training before all activations are computed."""

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import Subset
from kerasclf.transfer.extraction import BATCH
from kerasclf.transfer.frozen import Frozen


@dataclass(frozen=True)
class Sample:
    """Activations of a few images.

    Args:
        rows: The activations.
        compile_s: Seconds to compile the frozen part.
        image_s: Seconds to compute those of one image.
    """

    rows: NDArray[Any]
    compile_s: float
    image_s: float

    def seconds(self, images: int) -> float:
        """Returns the seconds to compute the activations of a number of images."""
        return self.compile_s + images * self.image_s if images else 0.0

    def repeated(self, subset: Subset) -> Subset:
        """Returns a set of the size and labels of another one that repeats these activations."""
        return Subset(Repeated(self.rows, len(subset)), subset.labels, subset.names)


class Samples:
    """The samples of frozen parts. It keeps them, because an engine takes seconds to compile a frozen part.

    Args:
        count: Maximum number of images in each sample.
    """

    def __init__(self, count: int = 32) -> None:
        self._count = count
        self._found: dict[Path, Sample] = {}

    def of(self, frozen: Frozen, subset: Subset) -> Sample:
        """Returns the sample of a frozen part. If there is none, it is computed from images of a set, and not cached.

        Args:
            frozen: The frozen part. All frozen parts with its cache have the same sample.
            subset: The images.
        """
        folder = frozen.point.cache.folder
        if folder not in self._found:
            self._found[folder] = _compute(frozen, subset, self._count)
        return self._found[folder]


def _compute(frozen: Frozen, subset: Subset, count: int) -> Sample:
    images = subset.images.read(np.arange(min(count, len(subset))))
    chunks = [images[i : i + BATCH] for i in range(0, len(images), BATCH)]
    began = time.perf_counter()
    compute = frozen.source.compute([frozen.point])
    list(compute(iter(chunks[:1])))
    compiled = time.perf_counter()
    rows = np.concatenate([rows for (rows,) in compute(iter(chunks))]).astype(frozen.point.cache.dtype)
    image_s = (time.perf_counter() - compiled) / len(images)
    return Sample(rows, max(0.0, compiled - began - image_s * len(chunks[0])), image_s)


@dataclass(frozen=True)
class Repeated:
    """An `ImageSource` that repeats a few activations, to measure how fast a network trains."""

    rows: NDArray[Any]
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.rows.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.rows.dtype

    @property
    def array(self) -> None:
        return None

    def __len__(self) -> int:
        return self.count

    def read(self, indices: NDArray[np.integer]) -> NDArray[Any]:
        return self.rows[indices % len(self.rows)]

    def take(self, indices: NDArray[np.integer]) -> "Repeated":
        return Repeated(self.rows[indices % len(self.rows)], len(indices))

    def fingerprint(self) -> str:
        return hashlib.sha256(self.rows.tobytes()).hexdigest()
