"""Splits: stratified, seeded, complete, recorded in the manifest."""

import numpy as np
import pytest

from kerasclf.data import ArrayImages, Split, Subset, load_dataset
from kerasclf.data.splits import divide, limit_per_class, make_sets, sample_of_classes
from kerasclf.errors import DataError, KerasclfError

LABELS = np.repeat([0, 1, 2], [50, 30, 20])
NAMES = ("a", "b", "c")


def test_stratified_keeps_the_share_in_every_class():
    rest, held_out = divide(LABELS, 0.1, Split(), NAMES)
    assert np.bincount(LABELS[held_out]).tolist() == [5, 3, 2]
    assert sorted([*rest, *held_out]) == list(range(100))


def test_many_small_classes_are_in_every_set():
    """300 classes of 8 images: a tenth of the training images is less than one per class."""
    labels, names = np.tile(np.arange(300), 8), tuple(map(str, range(300)))
    found = {"train": Subset(ArrayImages(np.zeros((2400, 1, 1, 1), np.uint8)), labels, tuple(map(str, range(2400))))}
    sets = make_sets(found, Split(), names)
    numbers = {name: set(np.bincount(subset.labels, minlength=300)) for name, subset in sets.items()}
    assert numbers == {"train": {5, 6}, "validation": {1}, "test": {1, 2}}
    assert len({name for subset in sets.values() for name in subset.names}) == 2400
    others = make_sets(found, Split(seed=1), names)
    assert others["validation"].names != sets["validation"].names


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_every_class_gives_one_image_and_keeps_one(share):
    rest, held_out = divide(LABELS, share, Split(), NAMES)
    few = held_out if share < 0.5 else rest
    assert np.bincount(LABELS[few]).tolist() == [1, 1, 1]
    assert sorted([*rest, *held_out]) == list(range(100))


def test_the_seed_decides():
    first, again, other = (divide(LABELS, 0.1, Split(seed=seed), NAMES)[1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_first_takes_the_images_as_they_come():
    rest, held_out = divide(np.tile([0, 1, 2], 10), 0.1, Split(method="first"), NAMES)
    assert held_out.tolist() == [0, 1, 2]
    assert rest.tolist() == list(range(3, 30))


def test_first_on_ordered_images_would_lose_a_class():
    with pytest.raises(DataError, match=r"Class 'b' has 30 images, but none .* Use the method 'stratified'"):
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


def test_an_impossible_fold_is_refused():
    with pytest.raises(KerasclfError, match=r"fold: expected \(number, folds\), such as \(2, 5\)\. Received: \(6, 5\)"):
        Split(fold=(6, 5))


def test_a_split_without_folds_keeps_the_hash_it_had_before_there_were_any():
    assert "fold" not in Split().to_dict()
    assert Split.from_dict(Split(fold=(1, 3)).to_dict()) == Split(fold=(1, 3))


def test_a_sample_has_the_shares_of_the_classes():
    labels = np.repeat([0, 1, 2], [600, 399, 1])
    chosen = sample_of_classes(labels, 100, seed=3)
    assert np.bincount(labels[chosen]).tolist() == [60, 40, 1]
    assert np.array_equal(chosen, np.unique(chosen))
    assert np.array_equal(sample_of_classes(labels, 1000), np.arange(1000))
