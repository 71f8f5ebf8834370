"""Heads on features, cross-validated: the accuracy by hand, groups, and few images."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from kerasclf.search.time_budget.feature_accuracy import comparison_sample, cross_validated_accuracy


def features_of(labels, noise=1.5, seed=0):
    rng = np.random.default_rng(seed)
    return 10 + 3 * (np.eye(4)[labels] + noise * rng.normal(size=(len(labels), 4)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_accuracy_is_that_of_five_heads_by_hand():
    labels = np.arange(60) % 3
    features = features_of(labels).astype(np.float32)
    right = 0
    for train, held_out in StratifiedKFold(5, shuffle=True, random_state=7).split(features, labels):
        mean, deviation = features[train].mean(0), features[train].std(0)
        head = LogisticRegression(C=0.1, max_iter=50).fit((features[train] - mean) / deviation, labels[train])
        right += (head.predict((features[held_out] - mean) / deviation) == labels[held_out]).sum()
    found = cross_validated_accuracy(features.reshape(60, 2, 2), labels, seed=7)
    assert found == right / 60
    assert 0.4 < found < 0.95


def test_images_of_a_group_are_held_out_together():
    labels = np.arange(80) % 2
    groups = [f"patient {i // 4}" for i in range(80)]
    rng = np.random.default_rng(0)
    # Each patient has features of its own, which say nothing about the class of another patient.
    own = np.repeat(rng.normal(size=(20, 30)), 4, axis=0)
    by_patient = np.repeat(rng.integers(0, 2, 20), 4)
    assert cross_validated_accuracy(own, by_patient) > 0.9
    assert cross_validated_accuracy(own, by_patient, groups) < 0.7
    assert cross_validated_accuracy(own, labels, ["one"] * 80) is None


def test_few_images_have_fewer_folds_and_a_single_one_takes_no_part():
    labels = np.array([0, 0, 1, 1])
    assert cross_validated_accuracy(np.eye(2)[labels], labels) == 1.0
    with_single = np.array([0, 0, 1, 1, 3])
    assert cross_validated_accuracy(np.eye(4)[with_single], with_single) == 1.0
    assert cross_validated_accuracy(np.eye(4)[[0, 1, 3]], np.array([0, 1, 3])) is None
    assert cross_validated_accuracy(np.eye(4)[with_single], with_single, ["one", "one", "two", "two", "three"]) == 0.0


def test_of_many_images_a_share_of_each_class_is_judged():
    labels = np.repeat([0, 1], [3000, 1000])
    chosen = comparison_sample(labels, seed=1)
    assert list(np.bincount(labels[chosen])) == [1500, 500]
    assert np.array_equal(chosen, np.unique(chosen))
    assert np.array_equal(comparison_sample(labels[:5]), np.arange(5))


@pytest.mark.parametrize("labels", [np.arange(2005) % 10, np.repeat([0, 1, 2], [3000, 2, 1])], ids=["few more", "rare"])
def test_every_class_takes_part_whatever_the_number_of_images(labels):
    chosen = comparison_sample(labels)
    assert 1990 <= len(chosen) <= 2010
    found = np.bincount(labels[chosen])
    assert np.all(found >= np.minimum(np.bincount(labels), 2))
