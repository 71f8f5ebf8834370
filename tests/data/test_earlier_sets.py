"""New images next to those of an earlier study."""

import json
import shutil
import unicodedata

import numpy as np
import pytest

from kerasclf import Split, load_dataset
from kerasclf.data import listings
from kerasclf.data.dataset import SETS
from kerasclf.errors import DataError, KerasclfError
from kerasclf.files.writing import write_json
from tests.photos import CLASSES, add_images, write_photo

PATIENT = r"patient_([a-z]+[0-9]+)_"


@pytest.fixture
def photos(tmp_path):
    """A folder of 3 classes with 20 images each."""
    add_images(tmp_path / "photos", 20)
    return tmp_path / "photos"


@pytest.fixture
def manifest(photos, tmp_path):
    """The manifest of a study on these images."""
    path = tmp_path / "data-12345678.json"
    write_json(path, load_dataset(f"folder:{photos}").manifest)
    return path


def keys_of(dataset):
    return {name: set(dataset.subset(name).keys) for name in SETS}


def add_patients(root, numbers, images=range(3)):
    """Writes some images of patients of each class, whose names have the patient."""
    for label, name in enumerate(CLASSES):
        for number in numbers:
            for image in images:
                path = root / name / f"patient_{name}{number}_{image}.png"
                write_photo(path, seed=10_000 * label + 100 * number + image)


@pytest.fixture
def patients(tmp_path):
    """A folder of ten patients of each class with three images each, and the manifest of a study on them."""
    root, path = tmp_path / "patients", tmp_path / "data-87654321.json"
    add_patients(root, range(10))
    write_json(path, load_dataset(f"folder:{root}", split=Split(group=PATIENT)).manifest)
    return root, Split(group=PATIENT, earlier=str(path))


def sets_of_groups(dataset):
    """Returns the set of each group, and checks that it is in one."""
    pairs = {(group, name) for name in SETS for group in dataset.subset(name).groups}
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def test_earlier_images_stay_in_their_sets_and_new_ones_are_divided_by_the_same_shares(photos, manifest):
    earlier = keys_of(load_dataset(f"folder:{photos}"))
    add_images(photos, 20, first=20)
    lines = []
    grown = load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)), log=lines.append)
    found = keys_of(grown)
    for name in SETS:
        assert earlier[name] < found[name]
        counts = np.bincount(grown.subset(name).labels)
        assert counts.tolist() == [{"train": 29, "validation": 3, "test": 8}[name]] * 3
    assert lines == [
        "images of the earlier run: 43 train, 5 validation, 12 test",
        "new images: 44 train, 4 validation, 12 test",
    ]
    again = load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))
    assert again.manifest == grown.manifest
    other = load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest), seed=1))
    assert keys_of(other)["test"] != found["test"] > earlier["test"]


def test_an_image_is_known_by_its_pixels_not_by_its_name(photos, manifest):
    earlier = load_dataset(f"folder:{photos}")
    name = earlier.test.names[0]
    (photos / name).rename(photos / "owl" / "renamed.bmp.png")
    grown = load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))
    assert keys_of(grown) == keys_of(earlier)
    assert "owl/renamed.bmp.png" in grown.test.names


def test_a_few_images_of_one_class_can_be_added_and_old_ones_removed(photos, manifest):
    for name in load_dataset(f"folder:{photos}").train.names[:2]:
        (photos / name).unlink()
    add_images(photos, 1, first=90, classes=CLASSES[:1])
    lines = []
    grown = load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)), log=lines.append)
    assert sum(map(len, (grown.train, grown.validation, grown.test))) == 59
    assert lines[-1] == "missing images of the earlier run: 2"
    assert len(grown.test) == 12


def test_sets_that_the_data_provide_keep_their_new_images(tmp_path):
    root = tmp_path / "photos"
    for name, count in (("train", 10), ("test", 4)):
        add_images(root / name, count, first=100 * (name == "test"))
    manifest = tmp_path / "data-1.json"
    write_json(manifest, load_dataset(f"folder:{root}", split=Split(validation=0.2)).manifest)
    add_images(root / "train", 10, first=50)
    add_images(root / "test", 1, first=200)
    grown = load_dataset(f"folder:{root}", split=Split(validation=0.2, earlier=str(manifest)))
    assert [len(grown.subset(name)) for name in SETS] == [48, 12, 15]


def test_new_images_join_the_set_of_their_group_and_new_groups_stay_whole(patients):
    root, split = patients
    earlier = load_dataset(f"folder:{root}", split=split.but(earlier=None))
    add_patients(root, range(10), images=range(3, 5))
    add_patients(root, range(10, 20), images=range(5))
    grown = load_dataset(f"folder:{root}", split=split)
    found = sets_of_groups(grown)
    assert all(keys_of(earlier)[name] < keys_of(grown)[name] for name in SETS)
    assert sets_of_groups(earlier).items() <= found.items() and len(found) == 60
    # A fifth of 100 images of each class is 20, and a tenth of the others 8: a group of five may be too many.
    assert np.bincount(grown.test.labels).tolist() == [20] * 3
    assert all(5 <= count <= 10 for count in np.bincount(grown.validation.labels))
    assert load_dataset(f"folder:{root}", split=split).manifest == grown.manifest


def test_one_new_group_is_no_reason_to_hold_it_out(patients):
    root, split = patients
    add_patients(root, [10])
    found = sets_of_groups(load_dataset(f"folder:{root}", split=split))
    assert {found[f"{name}10"] for name in CLASSES} == {"train"}


def test_a_group_that_the_data_put_in_two_sets_is_refused(patients):
    root, split = patients
    shutil.move(root, root.parent / "all")
    add_patients(root / "test", range(30, 32))
    shutil.move(root.parent / "all", root / "train")
    add_patients(root / "test", [3], images=[7])
    with pytest.raises(DataError, match=r"3 groups in several sets: 'cat3' \(train and test\).*Move each group"):
        load_dataset(f"folder:{root}", split=split)


def test_groups_that_the_earlier_study_divided_are_refused(photos, manifest):
    with pytest.raises(DataError, match=r"one set of the earlier run\. Received: .* \(train.* or train a new model\."):
        load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest), group=r"(\d)\.png"))


def test_copies_in_groups_of_other_sets_leave_each_group_in_its_set(patients):
    root, split = patients
    split = split.but(earlier=None)
    of_set = {name: load_dataset(f"folder:{root}", split=split).subset(name).names for name in SETS}
    shutil.copy(root / of_set["test"][0], root / of_set["train"][0])
    earlier = load_dataset(f"folder:{root}", split=split)
    path = root.parent / "data-1.json"
    write_json(path, earlier.manifest)
    grown = load_dataset(f"folder:{root}", split=split.but(earlier=str(path)))
    assert sets_of_groups(grown) == sets_of_groups(earlier)


def test_images_that_are_read_on_demand_are_known_too(photos, manifest, monkeypatch):
    monkeypatch.setattr(listings, "IN_MEMORY_LIMIT", 0)
    earlier = load_dataset(f"folder:{photos}")
    assert earlier.train.images.array is None
    grown = load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))
    assert keys_of(grown) == keys_of(earlier)


def test_the_manifest_records_each_image_and_keeps_its_hash(photos):
    dataset = load_dataset(f"folder:{photos}")
    recorded = dataset.manifest["keys"]
    assert {name: set(keys) for name, keys in recorded.items()} == keys_of(dataset)
    assert recorded["test"] == list(dataset.test.keys)


def test_classes_keep_the_names_and_labels_of_the_earlier_study_on_another_system(photos, tmp_path):
    # Their order differs: a decomposed é comes before every other letter, and a composed one after it.
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    (photos / "cat").rename(photos / composed)
    earlier = load_dataset(f"folder:{photos}")
    assert earlier.class_names == ("dog", "owl", composed)
    write_json(tmp_path / "data.json", earlier.manifest)
    (photos / composed).rename(photos / decomposed)
    assert load_dataset(f"folder:{photos}").class_names == ("dog", decomposed, "owl")
    grown = load_dataset(f"folder:{photos}", split=Split(earlier=str(tmp_path / "data.json")))
    assert grown.class_names == earlier.class_names
    for name in SETS:
        before, after = (dict(zip(s.keys, s.labels, strict=True)) for s in (earlier.subset(name), grown.subset(name)))
        assert before == after


def test_other_classes_are_refused(photos, manifest):
    add_images(photos, 3, classes=("emu",))
    with pytest.raises(
        DataError, match=r"the 3 classes of the earlier run in folder:.* 'emu' is new\. Train a new model"
    ):
        load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))
    for name in ("emu", "owl"):
        for path in (photos / name).iterdir():
            path.unlink()
        (photos / name).rmdir()
    with pytest.raises(DataError, match=r"'owl' is missing"):
        load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))


def test_no_new_image_is_said(photos, manifest):
    lines = []
    load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)), log=lines.append)
    assert lines[-1] == "warning: no image is new. The training goes on with the images of the earlier run."


def test_a_folder_of_new_images_alone_is_refused(manifest, tmp_path):
    add_images(tmp_path / "new", 5, first=50)
    with pytest.raises(
        DataError, match=r"None of the images of folder:.* holds the old images and the new ones: copy the"
    ):
        load_dataset(f"folder:{tmp_path / 'new'}", split=Split(earlier=str(manifest)))


def test_data_that_cannot_grow_are_refused(manifest):
    with pytest.raises(DataError, match=r"earlier: expected images in files.* Received: digits\."):
        load_dataset("digits", split=Split(earlier=str(manifest)))


def without_keys(content):
    del content["keys"]


def with_other_labels(content):
    content["sets"]["test"]["labels"][0] += 1


@pytest.mark.parametrize(
    ("change", "message"),
    [(without_keys, "does not record each image"), (with_other_labels, "cannot be read from .*: it was changed")],
)
def test_a_manifest_that_is_old_or_was_changed_is_refused(photos, manifest, change, message):
    content = json.loads(manifest.read_text())
    change(content)
    write_json(manifest, content)
    with pytest.raises(DataError, match=message):
        load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))


@pytest.mark.parametrize("content", ["", "[]", "null", '{"spec": 1}', '{"keys": 3, "hash": 1}'])
def test_a_manifest_that_cannot_be_read_is_refused(photos, manifest, content):
    manifest.write_text(content)
    with pytest.raises(DataError, match="The images of the earlier run cannot be read from"):
        load_dataset(f"folder:{photos}", split=Split(earlier=str(manifest)))


def test_earlier_descriptions_of_a_split_stay_the_same():
    assert "earlier" not in Split().to_dict()
    with pytest.raises(KerasclfError, match="fold: expected None with `earlier`"):
        Split(fold=(1, 5), earlier="data-1.json")
