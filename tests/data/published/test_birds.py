"""Caltech-UCSD Birds 200 (2010) in the layout of its archives."""

import shutil
import tarfile
from pathlib import PurePosixPath

import numpy as np
import pytest
from PIL import Image

from kerasclf.data import Split, load_dataset
from kerasclf.data.default_data import default_dataset
from kerasclf.data.published import birds
from kerasclf.errors import DataError

# One of the two training images per species validates.
HALF = Split(validation=0.5)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """200 species with three images each, two of them for training, of sizes that differ."""
    root = tmp_path_factory.mktemp("cub")
    rng = np.random.default_rng(0)
    lines = {"train": [], "test": []}
    for species in range(1, 201):
        folder = root / "images" / f"{species:03}.Species_{species}"
        folder.mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(0, 256, (8 + number, 9, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
            lines["train" if number < 2 else "test"].append(f"{folder.name}/{number}.png")
    (root / "lists").mkdir()
    for subset, named in lines.items():
        (root / "lists" / f"{subset}.txt").write_text("\n".join(named) + "\n")
    return root


@pytest.fixture
def broken(archive, tmp_path):
    return shutil.copytree(archive, tmp_path / "cub")


def test_the_lists_divide_the_images(archive):
    dataset = load_dataset(f"birds:{archive}", image_size=(8, 8), split=HALF)
    assert dataset.title == "Caltech-UCSD Birds 200 (2010)"
    assert dataset.known_as is None  # 400 training and 200 test images are not all of them
    assert dataset.num_classes == 200
    assert (len(dataset.train) + len(dataset.validation), len(dataset.test)) == (400, 200)
    assert set(dataset.test.names) == {f"{n:03}.Species_{n}/2.png" for n in range(1, 201)}


def test_birds_are_recognised_by_the_names_of_their_files(archive, broken, monkeypatch):
    names = [f"{path.parent.name}/{path.name}" for path in archive.glob("images/*/*.png")]
    monkeypatch.setattr(birds, "SIZES", (400, 200))
    monkeypatch.setattr(birds, "NAMES_DIGEST", birds.names_digest(names))

    def known(spec):
        dataset = load_dataset(spec, split=HALF, image_size=(2, 2))
        return dataset.title, dataset.known_as

    assert known(f"birds:{archive}") == ("Caltech-UCSD Birds 200 (2010)", "birds")
    listed = f"list:{archive}/images:{archive}/lists/train.txt:{archive}/lists/test.txt"
    assert known(listed) == ("Caltech-UCSD Birds 200 (2010)", "birds")
    path = broken / "images" / "117.Species_117" / "1.png"
    path.rename(path.with_name("7.png"))
    lists = broken / "lists" / "train.txt"
    lists.write_text(lists.read_text().replace("117.Species_117/1.png", "117.Species_117/7.png"))
    assert known(f"birds:{broken}") == ("Caltech-UCSD Birds 200 (2010)", None)


def test_the_digest_is_that_of_the_archives(real_data):
    packed = real_data / "birds.tar.gz"
    if not packed.is_file():
        pytest.skip(f"{packed} is missing")
    with tarfile.open(packed) as opened:
        paths = [PurePosixPath(name) for name in opened.getnames() if name.endswith(".jpg")]
    assert birds.names_digest("/".join(path.parts[-2:]) for path in paths) == birds.NAMES_DIGEST


def test_images_have_the_size_that_backbones_were_trained_at(archive):
    assert load_dataset(f"birds:{archive}", split=HALF).image_shape == (224, 224, 3)


@pytest.mark.parametrize("missing", ["images", "lists/train.txt", "lists/test.txt"])
def test_what_is_missing_is_named_with_where_to_get_it(broken, missing):
    path = broken / missing
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(DataError, match=rf"{missing} does not exist\. Get images\.tgz and lists\.tgz"):
        load_dataset(f"birds:{broken}")


def test_another_number_of_species_is_refused(broken):
    for subset in ("train", "test"):
        path = broken / "lists" / f"{subset}.txt"
        path.write_text("\n".join(line for line in path.read_text().split() if not line.startswith("200.")))
    with pytest.raises(DataError, match=r"Expected 200 species .* Received: 199\."):
        load_dataset(f"birds:{broken}")


def test_a_corrupt_image_among_all_is_named_before_training(broken):
    path = broken / "images" / "117.Species_117" / "1.png"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"117\.Species_117/1\.png cannot be read as an image"):
        load_dataset(f"birds:{broken}", image_size=(8, 8), split=HALF)


def test_without_a_path_it_says_where_to_get_them():
    with pytest.raises(DataError, match=r"Expected birds:PATH.*lists\.tgz"):
        load_dataset("birds")


def test_without_birds_the_study_uses_shapes():
    choice = default_dataset("birds")
    assert (choice.spec, choice.image_size) == ("shapes", (96, 96))
    assert "Give birds:PATH as `data`." in choice.notice
