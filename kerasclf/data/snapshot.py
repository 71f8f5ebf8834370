"""A data set as one file, so that the runs of a study need not decode or draw the same images again and again."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from kerasclf.data.dataset import PARTS, ArrayImages, ImageDataset, Part


def write_snapshot(dataset: ImageDataset, path: Path) -> bool:
    """Writes a data set that lives in memory into a file; returns False, and writes nothing, for any other."""
    arrays: dict[str, Any] = {}
    for name in PARTS:
        images = dataset.part(name).images
        if not isinstance(images, ArrayImages):
            return False
        arrays |= {f"{name}/images": images.array, f"{name}/labels": dataset.part(name).labels}
    described = {
        "spec": dataset.spec,
        "title": dataset.title,
        "class_names": dataset.class_names,
        "names": {name: dataset.part(name).names for name in PARTS},
    }
    np.savez(path, **arrays, described=np.frombuffer(json.dumps(described).encode(), np.uint8))
    return True


def read_snapshot(path: Path) -> ImageDataset:
    """Reads what `write_snapshot` wrote: the same images, labels, names and manifest."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        described = json.loads(archive["described"].tobytes())
        parts = {
            name: Part(
                ArrayImages(archive[f"{name}/images"]), archive[f"{name}/labels"], tuple(described["names"][name])
            )
            for name in PARTS
        }
    return ImageDataset(described["spec"], described["title"], tuple(described["class_names"]), **parts)
