"""Stores a data set in one file, to spare the runs of a study from decoding or drawing the images again."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from kerasclf.data.dataset import SETS, ImageDataset, Subset
from kerasclf.data.image_sources import ArrayImages, in_memory
from kerasclf.files.arrays import read_arrays, write_arrays


def write_snapshot(dataset: ImageDataset, path: Path) -> bool:
    """Writes a data set that is in memory to a file.

    Returns:
        Whether the file was written: False if images are read on demand.
    """
    arrays: dict[str, NDArray[Any]] = {}
    for name in SETS:
        images = dataset.subset(name).images
        if not isinstance(images, ArrayImages):
            return False
        arrays |= {f"{name}/images": images.array, f"{name}/labels": dataset.subset(name).labels}
    described = {
        "spec": dataset.spec,
        "title": dataset.title,
        "known_as": dataset.known_as,
        "class_names": dataset.class_names,
        "names": {name: dataset.subset(name).names for name in SETS},
        "groups": {name: dataset.subset(name).groups for name in SETS},
    }
    with path.open("wb") as file:
        write_arrays(file, arrays, described)
    return True


def read_snapshot(path: Path) -> ImageDataset:
    """Reads a data set from a file of `write_snapshot`, with the same images, labels, names and manifest."""
    arrays, described = read_arrays(path)
    sets = {
        name: Subset(
            in_memory(arrays[f"{name}/images"]),
            arrays[f"{name}/labels"],
            tuple(described["names"][name]),
            tuple(described["groups"][name]),
        )
        for name in SETS
    }
    return ImageDataset(
        described["spec"],
        described["title"],
        tuple(described["class_names"]),
        **sets,
        known_as=described["known_as"],
    )
