import numpy as np
import pytest

from kerasclf.audit import label_errors
from kerasclf.audit.label_errors import find_label_errors

pytest.importorskip("cleanlab")


def clusters(per_class=60, classes=4, spread=1.0):
    """Features of well separated classes, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), per_class)
    centres = rng.normal(0, 4, (classes, 8))
    return (centres[labels] + rng.normal(0, spread, (len(labels), 8))).astype(np.float32), labels


def test_planted_label_errors_are_found():
    features, labels = clusters()
    wrong = np.random.default_rng(1).choice(len(labels), 12, replace=False)  # 5 %
    given = labels.copy()
    given[wrong] = (labels[wrong] + 1) % 4
    found = find_label_errors(features, given, np.arange(len(given)))
    assert {*found.images.tolist()} < {*wrong.tolist()} and len(found.images) == 11
    assert found.predicted.tolist() == labels[found.images].tolist()
    assert found.is_reliable and found.accuracy == pytest.approx(0.95)
    assert np.all(np.diff(found.scores) >= 0) and found.scores.max() < 0.5


def test_right_labels_have_no_findings():
    features, labels = clusters()
    assert find_label_errors(features, labels, np.arange(len(labels))).images.tolist() == []


def test_a_copy_of_a_wrong_image_does_not_confirm_it():
    """Copies share a fold, so the head never sees the copy of an image that it predicts."""
    features, labels = clusters(per_class=20)
    features = np.concatenate([features, np.repeat(features[:1], 6, axis=0)])
    given = np.concatenate([labels, np.full(6, 2)])
    given[0] = 2
    units = np.concatenate([np.arange(len(labels)), np.zeros(6, np.int64)])
    assert {0, *range(80, 86)} <= set(find_label_errors(features, given, units).images.tolist())


def test_features_of_noise_are_not_reliable():
    labels = np.repeat(np.arange(4), 30)
    features = np.random.default_rng(0).normal(size=(120, 8)).astype(np.float32)
    found = find_label_errors(features, labels, np.arange(120))
    assert found.accuracy < 0.4 and not found.is_reliable and found.why_not == ""


@pytest.mark.parametrize("labels", [np.zeros(20, np.int64), np.array([0] * 20 + [1] * 4)])
def test_too_few_images_or_classes_are_not_checked(labels):
    found = find_label_errors(np.zeros((len(labels), 2), np.float32), labels, np.arange(len(labels)))
    assert found.why_not == "expected at least 5 images in each of two or more classes."
    assert not found.is_reliable and len(found.images) == 0


def test_a_class_in_one_group_cannot_be_divided():
    features, labels = clusters(per_class=10)
    found = find_label_errors(features, labels, labels)
    assert found.why_not.startswith("the groups cannot be divided into 5 folds with all classes")


def test_without_cleanlab_the_install_command_is_named(monkeypatch):
    monkeypatch.setattr(label_errors.util, "find_spec", lambda name: None)
    found = find_label_errors(*clusters(), np.arange(240))
    assert found.why_not == 'cleanlab is not installed. Install it: pip install "kerasclf[audit]".'
