"""A data set as one file, so that the runs of a study need not decode or draw the same images again and again."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kerasclf.data.dataset import SETS, ArrayImages, ImageDataset, Subset, in_memory
from kerasclf.files import read_arrays, write_arrays


def write_snapshot(dataset: ImageDataset, path: Path) -> bool:
    """Writes a data set that lives in memory into a file; returns False, and writes nothing, for any other."""
    arrays: dict[str, NDArray[Any]] = {}
    for name in SETS:
        images = dataset.subset(name).images
        if not isinstance(images, ArrayImages):
            return False
        arrays |= {f"{name}/images": images.array, f"{name}/labels": dataset.subset(name).labels}
    described = {
        "spec": dataset.spec,
        "title": dataset.title,
        "class_names": dataset.class_names,
        "names": {name: dataset.subset(name).names for name in SETS},
    }
    with path.open("wb") as file:
        write_arrays(file, arrays, described)
    return True


def read_snapshot(path: Path) -> ImageDataset:
    """Reads what `write_snapshot` wrote: the same images, labels, names and manifest."""
    arrays, described = read_arrays(path)
    sets = {
        name: Subset(in_memory(arrays[f"{name}/images"]), arrays[f"{name}/labels"], tuple(described["names"][name]))
        for name in SETS
    }
    return ImageDataset(described["spec"], described["title"], tuple(described["class_names"]), **sets)
