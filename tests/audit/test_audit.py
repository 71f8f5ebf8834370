from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kerasclf.audit.audit import audit_images
from kerasclf.audit.audit_files import write_clean, write_findings
from kerasclf.audit.clean_set import left_out
from kerasclf.audit.findings_list import KINDS, Finding
from kerasclf.audit.load_images import load_images
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.data.groups import members_of
from tests.audit.scenes import brighter, crop, dataset_of, flip, rows_of, scenes
from tests.photos import write_photo


def labels(count):
    return np.arange(count) % 2


@pytest.fixture(scope="module")
def images():
    """A training set of 24 images, and a validation and a test set of 8 each, with planted duplicates."""
    pictures = scenes(40)
    train, validation, test = pictures[:24].copy(), pictures[24:32].copy(), pictures[32:].copy()
    train[2] = train[0]  # within a set, the same label
    train[5] = train[4]  # another label
    test[1] = train[1]  # across sets, the same label
    validation[0] = flip(brighter(test[2]))  # near, across sets
    train[8] = crop(train[6])  # near, within a set
    return PooledImages(dataset_of((train, labels(24)), (validation, labels(8)), (test, labels(8))))


@pytest.fixture(scope="module")
def audit(images):
    return audit_images(images)


def found(audit, kind):
    return [(one.image, one.other) for one in audit.of_kind(kind)]


def test_each_kind_of_duplicate_is_found(audit):
    assert found(audit, "duplicate") == [(2, 0), (5, 4)]
    assert found(audit, "conflicting_labels") == [(5, 4)]
    assert audit.of_kind("conflicting_labels")[0].note == "a and b"
    assert found(audit, "duplicate_across") == [(33, 1)]
    assert found(audit, "near_across") == [(34, 24)]
    assert found(audit, "near_duplicate") == [(8, 6)]
    assert audit.duplicate_groups == ((0, 2), (1, 33), (4, 5), (6, 8), (24, 34))
    assert audit.matters


def test_one_image_of_each_group_stays_in_the_test_set_if_it_can(audit):
    assert audit.left_out >= {2, 4, 5, 1, 24, 8}
    assert not audit.left_out & {0, 33, 34, 6}


def test_findings_are_listed_with_both_images(audit, tmp_path):
    write_findings(audit, tmp_path / "findings.csv")
    rows = rows_of(tmp_path / "findings.csv")
    assert len(rows) == len(audit.findings)
    assert rows[0] == {
        "kind": "duplicate_across", "matters": "yes", "file": "test/1", "set": "test", "class": "b",
        "other_file": "train/1", "other_set": "train", "other_class": "b", "score": "1", "note": "",
    }  # fmt: skip
    kinds = [row["kind"] for row in rows]
    assert kinds == sorted(kinds, key=list(KINDS).index)


def test_formulas_in_names_are_harmless(audit, tmp_path):
    broken = replace(audit, findings=(Finding("broken", None, note="=1+1", name="@a.jpg"),))
    write_findings(broken, tmp_path / "findings.csv")
    (row,) = rows_of(tmp_path / "findings.csv")
    assert (row["file"], row["note"]) == ("'@a.jpg", "'=1+1")


def test_images_without_files_have_no_clean_list(audit, tmp_path):
    assert not write_clean(audit, tmp_path / "clean.csv")
    assert not (tmp_path / "clean.csv").exists()


def test_a_clean_set_has_no_findings_that_matter(images, audit):
    kept = np.array([index for index in range(len(images)) if index not in audit.left_out])
    pixels, sets, classes = images.read(kept), images.sets[kept], images.labels[kept]
    again = audit_images(PooledImages(dataset_of(*((pixels[sets == s], classes[sets == s]) for s in range(3)))))
    assert not again.matters


def test_straddling_groups_keep_the_set_that_holds_most_of_them():
    grouped = SimpleNamespace(groups=("a", "a", "a", "b", "b"), sets=np.array([0, 0, 2, 0, 2]), labels=np.zeros(5))
    assert left_out(grouped, [], []) == {2, 3}


def test_of_duplicates_in_a_straddling_group_that_in_its_main_set_stays():
    grouped = SimpleNamespace(groups=("a", "a", "a", "b"), sets=np.array([0, 0, 2, 2]), labels=np.zeros(4))
    assert left_out(grouped, [], [[0, 2]]) == {2}


def test_a_straddling_group_leaves_the_others_in_one_set(tmp_path):
    """Each of ten patients has two images of either class for the training, and one of them has a test image, too."""
    for patient in range(10):
        for number, name in enumerate(("cat", "dog") * 2):
            write_photo(tmp_path / f"train/{name}/patient_{patient}_{number}.png", seed=10 * patient + number)
    for number, name in enumerate(("cat", "dog")):
        write_photo(tmp_path / f"test/{name}/patient_{11 + number}_0.png", seed=200 + number)
    write_photo(tmp_path / "test/cat/patient_3_9.png", seed=300)
    images = load_images(f"folder:{tmp_path}", None, lambda line: None, r"patient_(\d+)_").images
    sets_of = {group: set(images.sets[of_group].tolist()) for group, of_group in members_of(images.groups).items()}
    assert len(images.subsets[1]) == 4
    assert {group for group, sets in sets_of.items() if len(sets) > 1} == {"3"}


def test_probable_label_errors_are_left_out_and_odd_images_are_not():
    plain = SimpleNamespace(groups=(), sets=np.zeros(5, int), labels=np.zeros(5))
    found = [Finding("label_error", 3), Finding("dark", 2)]
    assert left_out(plain, found, []) == {3}
