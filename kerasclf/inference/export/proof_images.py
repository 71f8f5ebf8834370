"""The images on which an exported model is proved and calibrated: those of its run, or others. Needs no TensorFlow."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kerasclf.data import load_dataset
from kerasclf.data.dataset import ImageDataset, Subset
from kerasclf.data.names import find_names
from kerasclf.data.pixels.image_fit import Fit
from kerasclf.errors import DataError
from kerasclf.log import Log
from kerasclf.runs.run_data import dataset_of_run
from kerasclf.runs.run_folder import RunFolder
from kerasclf.wording import counted

# Training images that stand for the test set of a run that trained on all images.
_IMAGES_INSTEAD = 1000


@dataclass(frozen=True)
class ProofImages:
    """Images with labels.

    Args:
        data: Spec of their data set.
        name: The set that the proof uses: `"test"`, or `"training"` if the run trained on all images.
        proof: The images that both models predict.
        train: Training images, for the calibration of int8.
    """

    data: str
    name: str
    proof: Subset
    train: Subset

    def described(self) -> str:
        """Returns a line on the images of the proof."""
        kind = "training images, as the run kept no test images" if self.name == "training" else "test images"
        return f"{len(self.proof):,} {kind} of {self.data}"

    def calibration(self, count: int) -> NDArray[np.uint8]:
        """Returns training images in equal steps through the set, which has its classes in order."""
        chosen = self.train.take(_spread(len(self.train), count))
        return chosen.images.read(np.arange(len(chosen)))

    def take(self, count: int) -> Subset:
        """Returns at most `count` images of the proof, in equal steps through the set."""
        return self.proof.take(_spread(len(self.proof), count))


def images_of_run(run: RunFolder, log: Log) -> ProofImages:
    """Returns the images of a run.

    Raises:
        DataError: If they cannot be read any more, or have changed.
    """
    return _of(dataset_of_run(run, log, "Restore them, or give others as `data`."))


def other_images(
    data: str, image_shape: tuple[int, int, int], class_names: Sequence[str], fit: Fit, log: Log
) -> ProofImages:
    """Returns the images of any data set with the classes of a model.

    Args:
        data: Its spec.
        image_shape: Height, width and channels of the model's images.
        class_names: The classes of the model.
        fit: How an image fills the height and width of the model.
        log: Receives progress messages.

    Raises:
        DataError: If it has other classes or channels.
    """
    height, width, channels = image_shape
    dataset = load_dataset(data, image_size=(height, width), fit=fit, log=log)
    if dataset.is_table or dataset.image_shape != image_shape:
        raise DataError(
            f"data: expected images of {height}x{width}x{channels}. Received: {data}, of "
            f"{'x'.join(map(str, dataset.image_shape))}."
        )
    order = np.array(find_names(dataset.class_names, class_names))
    lacking = [name for label, name in enumerate(class_names) if label not in order]
    foreign = [name for name, found in zip(dataset.class_names, order, strict=True) if found < 0]
    if lacking or foreign:
        problems = [
            f"{counted(len(names), 'class')} {verb}: {', '.join(names[:5])}{', …' * (len(names) > 5)}"
            for names, verb in ((lacking, "missing"), (foreign, "unknown to the model"))
            if names
        ]
        raise DataError(f"data: expected the classes of the model. Received: {data}, {' and '.join(problems)}.")

    def in_order(subset: Subset) -> Subset:
        return Subset(subset.images, order[subset.labels], subset.names)

    return _of(replace(dataset, train=in_order(dataset.train), test=in_order(dataset.test)))


def _of(dataset: ImageDataset) -> ProofImages:
    if dataset.is_table:
        raise DataError(f"Expected a model of images. Received: one of the rows of a table, {dataset.spec}.")
    if len(dataset.test):
        return ProofImages(dataset.spec, "test", dataset.test, dataset.train)
    some = dataset.train.take(_spread(len(dataset.train), _IMAGES_INSTEAD))
    return ProofImages(dataset.spec, "training", some, dataset.train)


def _spread(available: int, count: int) -> NDArray[np.int64]:
    """Returns at most `count` positions in equal steps."""
    return np.unique(np.linspace(0, available - 1, min(available, count)).round().astype(np.int64))
