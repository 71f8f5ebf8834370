"""Data sets in one file."""

import numpy as np
from PIL import Image

from kerasclf import Split, load_dataset
from kerasclf.data.dataset import SETS
from kerasclf.data.snapshot import read_snapshot, write_snapshot


def test_it_gives_back_the_same_images_names_and_manifest(tmp_path):
    dataset = load_dataset("shapes", split=Split(train_per_class=5, test_per_class=2, validation=0.2))
    assert write_snapshot(dataset, tmp_path / "shapes.npz")
    again = read_snapshot(tmp_path / "shapes.npz")
    assert again.manifest == dataset.manifest
    assert (again.spec, again.title, again.class_names) == (dataset.spec, dataset.title, dataset.class_names)
    assert again.known_as == dataset.known_as == "shapes"
    for name in SETS:
        one, other = dataset.subset(name), again.subset(name)
        np.testing.assert_array_equal(one.images.read(np.arange(len(one))), other.images.read(np.arange(len(other))))
        np.testing.assert_array_equal(one.labels, other.labels)
        assert one.names == other.names


def test_images_that_are_read_on_demand_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("kerasclf.data.listings.IN_MEMORY_LIMIT", 0)
    for name in ("a", "b"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("RGB", (16, 16), (i, 0, 0)).save(tmp_path / "images" / name / f"{i}.png")
    dataset = load_dataset(f"folder:{tmp_path / 'images'}", split=Split(validation=0.2, test=0.2))
    assert not write_snapshot(dataset, tmp_path / "out.npz")
    assert not (tmp_path / "out.npz").exists()
