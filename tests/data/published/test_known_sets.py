"""Published data sets are recognised by their images, in whatever form they arrive."""

import tarfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasclf import Split, load_dataset
from kerasclf.data import ArrayImages, Subset
from kerasclf.data.folds import join
from kerasclf.data.published import known_sets
from kerasclf.data.published.known_sets import KnownSet, content_digest, recognise
from tests.conftest import make_subset

TRAIN, TEST = make_subset(30, shape=(4, 4, 3)), make_subset(12, shape=(4, 4, 3), seed=1)
SETS = {"train": TRAIN, "test": TEST}


@pytest.fixture
def toys(monkeypatch):
    """Makes SETS a published data set."""
    known = KnownSet("toys", "Toys (1999)", (4, 4, 3), outside_test=30, test=12, digest=content_digest(SETS))
    monkeypatch.setattr(known_sets, "KNOWN_SETS", (known,))
    return known


def with_label(subset, index, label):
    labels = subset.labels.copy()
    labels[index] = label
    return replace(subset, labels=labels)


def with_pixel(subset):
    array = subset.images.array.copy()
    array[3, 2, 1, 0] ^= 1
    return Subset(ArrayImages(array), subset.labels, subset.names)


def test_order_and_numbers_of_classes_do_not_matter(toys):
    shuffled = TRAIN.take(np.random.default_rng(0).permutation(30))
    assert recognise({**SETS, "train": shuffled}) is toys
    renumbered = {name: replace(subset, labels=np.array([2, 0, 1])[subset.labels]) for name, subset in SETS.items()}
    assert recognise(renumbered) is toys
    divided = {"train": TRAIN.take(np.arange(5, 30)), "validation": TRAIN.take(np.arange(5)), "test": TEST}
    assert recognise(divided) is toys


@pytest.mark.parametrize(
    "changed",
    [
        {**SETS, "train": with_pixel(TRAIN)},
        {**SETS, "test": with_pixel(TEST)},
        {**SETS, "train": with_label(TRAIN, 4, (TRAIN.labels[4] + 1) % 3)},
        {**SETS, "train": with_label(TRAIN, 4, 3)},
        {**SETS, "train": TRAIN.take(np.array([*range(29), 28]))},  # an image twice, another one missing
        {"train": join(TEST, TRAIN.take(np.arange(18))), "test": TRAIN.take(np.arange(18, 30))},
    ],
    ids=["pixel", "test pixel", "moved label", "new class", "twice", "other test images"],
)
def test_other_images_are_not_recognised(toys, changed):
    assert [sum(map(len, changed.values())), len(changed["test"])] == [42, 12]  # the digest decides, not the number
    assert recognise(changed) is None


def test_images_are_hashed_only_if_their_number_is_right(toys, monkeypatch):
    monkeypatch.setattr(known_sets, "content_digest", lambda sets: pytest.fail("hashed"))
    assert recognise({**SETS, "train": TRAIN.take(np.arange(29))}) is None
    assert recognise({"train": TRAIN}) is None


def test_training_and_test_images_are_told_apart():
    first, second = TRAIN.take(np.arange(6)), TRAIN.take(np.arange(6, 12))
    swapped = {"train": second, "test": first}
    assert content_digest({"train": first, "test": second}) != content_digest(swapped)


def write_images(root, sets):
    for name, subset in sets.items():
        for index, image in enumerate(subset.images.array):
            folder = root / name / f"class_{subset.labels[index]}"
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{index:04}.png")


def test_a_folder_is_titled_by_its_images(toys, tmp_path):
    write_images(tmp_path / "photos", SETS)
    dataset = load_dataset(f"folder:{tmp_path}/photos")
    assert (dataset.title, dataset.known_as) == ("Toys (1999)", "toys")
    assert load_dataset(f"folder:{tmp_path}/photos", split=Split(fold=(1, 3))).known_as == "toys"
    for reduced in ({"split": Split(train_per_class=5)}, {"image_size": (2, 2)}):
        dataset = load_dataset(f"folder:{tmp_path}/photos", **reduced)
        assert (dataset.title, dataset.known_as) == ("images of photos", None)


def test_a_folder_with_a_changed_pixel_has_its_own_title(toys, tmp_path):
    write_images(tmp_path / "photos", {**SETS, "train": with_pixel(TRAIN)})
    dataset = load_dataset(f"folder:{tmp_path}/photos")
    assert (dataset.title, dataset.known_as) == ("images of photos", None)


def test_synthetic_images_are_known_by_their_spec():
    assert load_dataset("iris:4").known_as == "iris:4"
    assert load_dataset("digits").known_as == "digits"


@pytest.mark.slow
def test_the_first_25_classes_of_cifar100(real_data, tmp_path, monkeypatch):
    packed = real_data / "cifar100_25.tar.gz"
    if not packed.is_file():
        pytest.skip(f"{packed} is missing")
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    monkeypatch.setenv("KERASCLF_DATA", str(tmp_path))
    for spec in (f"folder:{tmp_path}/cifar100_25", "cifar100:25"):
        dataset = load_dataset(spec)
        assert (dataset.title, dataset.known_as) == ("CIFAR-100, classes 0–24", "cifar100:25")
        assert [len(dataset.train), len(dataset.validation), len(dataset.test)] == [11_250, 1_250, 2_500]
    (tmp_path / "cifar100_25" / "test" / "cockroach" / "0007.png").unlink()
    dataset = load_dataset("cifar100:25", split=Split(method="first"))
    assert (dataset.title, dataset.known_as) == ("CIFAR-100, classes 0–24 (unverified images)", None)
    assert np.bincount(dataset.validation.labels).tolist() == [50] * 25  # the classes take turns
