"""No group of images is in two sets, and classes keep their shares."""

import re

import numpy as np
import pytest

from kerasclf import Split, load_dataset
from kerasclf.data.groups import fold_numbers, groups_of, hold_out_groups
from kerasclf.data.snapshot import read_snapshot, write_snapshot
from kerasclf.errors import DataError
from tests.photos import write_photo


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Twelve films of five frames: films 0 to 5 show cats, 6 to 11 dogs."""
    root = tmp_path_factory.mktemp("films")
    for film in range(12):
        for frame in range(5):
            write_photo(root / ("cat", "dog")[film // 6] / f"film_{film}_frame_{frame}.png", seed=10 * film + frame)
    return root


def films_of(subset):
    return {int(re.search(r"film_(\d+)", name)[1]) for name in subset.names}


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_film_is_in_one_set(films, seed):
    dataset = load_dataset(f"folder:{films}", split=Split(group=r"film_(\d+)", seed=seed))
    sets = [films_of(subset) for subset in (dataset.train, dataset.validation, dataset.test)]
    assert sum(map(len, sets)) == 12
    assert len(set.union(*sets)) == 12
    assert all({film // 6 for film in of_set} == {0, 1} for of_set in sets)
    assert set(dataset.test.groups) == {str(film) for film in sets[2]}


def test_without_a_pattern_films_are_divided(films):
    dataset = load_dataset(f"folder:{films}")
    assert films_of(dataset.train) & films_of(dataset.test)
    assert dataset.train.groups == ()


def test_the_groups_are_part_of_the_manifest_and_of_a_snapshot(films, tmp_path):
    dataset = load_dataset(f"folder:{films}", split=Split(group=r"film_(\d+)"))
    listed = dataset.manifest["sets"]["test"]
    assert listed["groups"] == [re.search(r"film_(\d+)", name)[1] for name in listed["names"]]
    assert write_snapshot(dataset, tmp_path / "data.npz")
    assert read_snapshot(tmp_path / "data.npz").manifest == dataset.manifest


def test_folds_keep_films_together(films):
    validated = []
    for number in (1, 2, 3):
        dataset = load_dataset(f"folder:{films}", split=Split(group=r"film_(\d+)", fold=(number, 3)))
        assert not films_of(dataset.train) & films_of(dataset.validation)
        validated += dataset.validation.names
    assert len(validated) == len(set(validated)) == 60 - len(dataset.test)


def test_each_share_is_held_out_as_folds():
    rng = np.random.default_rng(0)
    groups = [str(group) for group in rng.integers(0, 200, 4000)]
    labels = rng.integers(0, 4, 4000)
    for share in (0.1, 0.2, 0.3, 0.25):
        rest, held_out = hold_out_groups(labels, groups, share, seed=0, num_classes=4)
        assert len(held_out) / 4000 == pytest.approx(share, abs=0.02)
        assert np.bincount(labels[held_out]) / len(held_out) == pytest.approx(np.bincount(labels) / 4000, abs=0.03)
        assert not {groups[i] for i in rest} & {groups[i] for i in held_out}
        assert sorted([*rest, *held_out]) == list(range(4000))


def test_another_fold_is_taken_if_a_class_would_be_missing():
    # Class 1 has two groups among twenty.
    groups = [str(i // 5) for i in range(100)]
    labels = np.array([1 if i // 5 in (3, 11) else 0 for i in range(100)])
    for seed in range(5):
        rest, held_out = hold_out_groups(labels, groups, 0.1, seed=seed, num_classes=2)
        assert set(labels[rest]) == set(labels[held_out]) == {0, 1}
    assert sorted(np.bincount(fold_numbers(labels, groups, 10, seed=0))) == [10] * 10


def test_the_fold_nearest_to_the_share_is_held_out():
    # Eleven films of eight images and one of two.
    groups = [str(i // 8) for i in range(90)]
    labels = np.arange(90) % 2
    for seed in range(10):
        _, held_out = hold_out_groups(labels, groups, 0.1, seed=seed, num_classes=2)
        assert len(held_out) in (8, 10)


@pytest.mark.parametrize(("groups", "share", "expected"), [(3, 0.9, 2 / 3), (2, 0.9, 1 / 2), (100, 0.98, 0.95)])
def test_a_single_fold_remains_of_a_large_share(groups, share, expected):
    labels = np.arange(600) % 2
    rest, held_out = hold_out_groups(labels, [str(i // 2 % groups) for i in range(600)], share, 0, num_classes=2)
    assert len(held_out) / 600 == pytest.approx(expected)
    assert sorted([*rest, *held_out]) == list(range(600))


def test_more_remains_of_a_large_share_if_a_class_would_be_missing():
    # Twelve groups of one class each.
    groups = [str(i // 5) for i in range(60)]
    labels = np.arange(60) // 30
    rest, held_out = hold_out_groups(labels, groups, 0.98, seed=0, num_classes=2)
    assert set(labels[rest]) == set(labels[held_out]) == {0, 1}
    assert len(held_out) > len(rest)


def test_a_class_of_one_group_is_named(films):
    with pytest.raises(DataError, match=r"Class 'cat' has 30 images of 1 group, but none .* Add groups of that class"):
        load_dataset(f"folder:{films}", split=Split(group="^cat|dog/film_.*"))


def test_groups_in_two_given_sets_are_named(tmp_path):
    for number, (subset, film) in enumerate((s, f) for s in ("train", "test") for f in range(6)):
        for name in ("cat", "dog"):
            number_of_film = 0 if film == 5 else film + 6 * (subset == "test")
            path = tmp_path / subset / name / f"film{number_of_film}_{number}.png"
            write_photo(path, seed=number)
    expected = (
        "Expected each group of images in one set. Received: 1 group in several sets: 'film0' (train and test). Move "
        "each group to one set, or let kerasclf divide the images."
    )
    with pytest.raises(DataError) as caught:
        load_dataset(f"folder:{tmp_path}", split=Split(group=r"/(\w+)_", validation=0.4))
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("film_(", "group: expected a regular expression. Received: 'film_(': missing ), unterminated subpattern"),
        ("(a)(b)", "group: expected at most one pair of parentheses. Received: '(a)(b)', which has 2."),
    ],
)
def test_wrong_patterns_are_refused_at_once(pattern, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        Split(group=pattern)


def test_a_pattern_that_matches_nothing_is_refused(films):
    with pytest.raises(DataError, match=r"Received: 'patient_\(\\\\d\+\)', which names none for 60 of them: cat/film"):
        load_dataset(f"folder:{films}", split=Split(group=r"patient_(\d+)"))
    with pytest.raises(DataError, match="names none for 60 of them"):
        load_dataset(f"folder:{films}", split=Split(group="(x?)"))


def test_the_whole_match_is_the_group_without_parentheses():
    assert groups_of(["a/p1.png", "b/p1.png"], r"p\d") == ("p1", "p1")


def test_arrays_have_no_groups():
    with pytest.raises(DataError, match=r"group: expected images in files: .* Received: digits\."):
        load_dataset("digits", split=Split(group="x"))
