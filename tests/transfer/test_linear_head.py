"""A linear head: its weights predict like the regression, for two classes, absent classes and unequal classes."""

import keras
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from kerasclf.errors import KerasclfError
from kerasclf.transfer.linear_head import FEW_STEPS, WEAK_PENALTY, fit_head, fit_output_weights


def features_of(labels, seed=0):
    """Returns overlapping features of other means and scales, one of them constant."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(labels.max() + 1, 5))
    features = 100 + 20 * (centres[labels] + rng.normal(size=(len(labels), 5)))
    features[:, 4] = 7.0
    return features.astype(np.float32)


def probabilities(weights, features):
    logits = features.astype(np.float64) @ weights.kernel + weights.bias
    return np.asarray(keras.activations.softmax(keras.ops.convert_to_tensor(logits)))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_weights_predict_on_plain_features_like_the_regression(classes):
    labels = np.arange(120) % classes
    features = features_of(labels)
    weights = fit_output_weights(features, labels, classes)
    assert weights.kernel.shape == (5, classes)
    assert weights.kernel.dtype == weights.bias.dtype == np.float32
    expected = fit_head(features, labels, WEAK_PENALTY, FEW_STEPS).predict_proba(features)
    assert expected.max(1).min() < 0.9
    assert probabilities(weights, features) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused(bad):
    labels = np.arange(30) % 3
    features = features_of(labels)
    features[7, 2] = bad
    with pytest.raises(KerasclfError, match="Expected finite features"):
        fit_output_weights(features, labels, 3)


def test_a_class_without_images_is_the_least_likely_one():
    labels = np.array([0, 2, 4] * 30)
    features = features_of(labels)
    weights = fit_output_weights(features, labels, 5)
    assert not weights.kernel[:, [1, 3]].any()
    at_mean = probabilities(weights, features.mean(0, keepdims=True))[0]
    assert at_mean[1] == at_mean[3] <= at_mean[[0, 2, 4]].min() + 1e-6


def test_balanced_classes_raise_the_rare_one():
    labels = np.repeat([0, 1], [80, 20])
    features = features_of(labels)
    balanced = probabilities(fit_output_weights(features, labels, 2, "balanced"), features)
    expected = fit_head(features, labels, WEAK_PENALTY, FEW_STEPS, "balanced").predict_proba(features)
    assert balanced == pytest.approx(expected, abs=1e-4)
    plain = probabilities(fit_output_weights(features, labels, 2), features)
    assert (balanced[:, 1] > plain[:, 1] + 0.01).mean() > 0.9


def test_the_number_of_threads_changes_no_bit():
    labels = np.arange(2000) % 10
    features = np.tile(features_of(labels), 60)
    with threadpool_limits(1):
        one = fit_output_weights(features, labels, 10)
    with threadpool_limits(2):
        two = fit_output_weights(features, labels, 10)
    assert np.array_equal(one.kernel, two.kernel)
    assert np.array_equal(one.bias, two.bias)
