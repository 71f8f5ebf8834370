"""Random uint8 images of 200 classes, for benchmarks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kerasclf import ImageDataset
    from kerasclf.data import Subset

CLASSES = 200


@dataclass(frozen=True)
class RandomImages:
    """An `ImageSource` of random images that are computed when they are read, like files."""

    side: int
    numbers: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.side, self.side, 3

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.uint8)

    @property
    def array(self) -> None:
        return None

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, indices: NDArray[np.integer]) -> NDArray[np.uint8]:
        images = [np.random.default_rng(i).integers(0, 256, self.shape, np.uint8) for i in self.numbers[indices]]
        return np.stack(images)

    def take(self, indices: NDArray[np.integer]) -> "RandomImages":
        return RandomImages(self.side, self.numbers[indices])

    def fingerprint(self) -> str:
        return f"{self.side} {self.numbers.tolist()}"


def labels_of(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(0).integers(0, CLASSES, count)


def images_of(side: int, count: int) -> NDArray[np.uint8]:
    return RandomImages(side, np.arange(count)).read(np.arange(count))


def dataset_of(side: int, train: int, validation: int, in_memory: bool = True) -> "ImageDataset":
    """Returns a data set of random images, in memory or computed when they are read."""
    from kerasclf.data import ArrayImages, ImageDataset, Subset

    def subset(first: int, count: int) -> "Subset":
        source = RandomImages(side, np.arange(first, first + count))
        images = ArrayImages(source.read(np.arange(count))) if in_memory else source
        return Subset(images, labels_of(count), ("",) * count)

    classes = tuple(str(label) for label in range(CLASSES))
    evaluated = subset(train, validation)
    return ImageDataset("random", "random pixels", classes, subset(0, train), evaluated, evaluated)
