"""Splits: stratified, seeded, complete, written down."""

import numpy as np
import pytest

from kerasclf.data import Split, kfold, load_dataset
from kerasclf.data.splits import divide, limit_per_class
from kerasclf.errors import DataError, KerasclfError

LABELS = np.repeat([0, 1, 2], [50, 30, 20])
NAMES = ("a", "b", "c")


def test_stratified_keeps_the_share_in_every_class():
    kept, apart = divide(LABELS, 0.1, Split(), NAMES)
    assert np.bincount(LABELS[apart]).tolist() == [5, 3, 2]
    assert sorted([*kept, *apart]) == list(range(100))


def test_the_seed_decides():
    first, again, other = (divide(LABELS, 0.1, Split(seed=seed), NAMES)[1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_first_takes_the_images_as_they_come():
    kept, apart = divide(np.tile([0, 1, 2], 10), 0.1, Split(method="first"), NAMES)
    assert apart.tolist() == [0, 1, 2]
    assert kept.tolist() == list(range(3, 30))


def test_first_on_ordered_images_would_lose_a_class():
    with pytest.raises(DataError, match=r"class 'b' would have none .*use the method 'stratified'"):
        divide(LABELS, 0.1, Split(method="first"), NAMES)


def test_limits_choose_by_seed_and_keep_the_order():
    chosen = limit_per_class(LABELS, 7, seed=3)
    assert np.bincount(LABELS[chosen]).tolist() == [7, 7, 7]
    assert (np.diff(chosen) > 0).all()
    assert limit_per_class(LABELS, None, 0).tolist() == list(range(100))


def test_all_bad_fields_are_named_together():
    with pytest.raises(KerasclfError) as caught:
        Split(validation=0.0, test=1.5, train_per_class=1)
    assert str(caught.value).count("\n") == 3


def test_an_unknown_field_suggests_the_right_one():
    with pytest.raises(KerasclfError, match=r"Unknown Split field 'validaton'\. Did you mean 'validation'\?"):
        Split(validaton=0.1)


def test_the_manifest_changes_with_the_split_alone(monkeypatch):
    splits = (Split(seed=seed, train_per_class=20) for seed in (0, 0, 1))
    first, again, other = (load_dataset("shapes", split=split).manifest for split in splits)
    assert first["hash"] == again["hash"] != other["hash"]
    assert first["sets"]["test"] == other["sets"]["test"]
    assert first["sets"]["train"]["images"] == 450


def test_kfold_validates_each_image_once(dataset):
    folds = list(kfold(dataset, 3, seed=1))
    assert len(folds) == 3
    validated = [image.tobytes() for fold in folds for image in fold.validation.images.read(np.arange(42))]
    assert len(validated) == len(set(validated)) == 126
    for fold in folds:
        assert np.bincount(fold.validation.labels).tolist() == [14, 14, 14]
        assert len(fold.train) == 84
        assert fold.test is dataset.test


def test_too_many_folds(dataset):
    with pytest.raises(DataError, match="Expected 2 to 42 folds"):
        list(kfold(dataset, 43))
