"""The losses for unequal classes: exact values, equal to Keras' own where that works, and gradients where it fails."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerasclf import TrainConfig
from kerasclf.training.losses import ImbalanceLoss, log_shares, make_loss

COUNTS = np.array([90, 9, 1])
LABELS = np.eye(3, dtype=np.float32)[[0, 2]]
PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.5, 0.25, 0.25]], np.float32)


def value(config, labels=LABELS, probabilities=PROBABILITIES):
    return float(make_loss(config, COUNTS)(labels, probabilities))


def test_the_usual_loss_is_that_of_keras():
    loss = make_loss(TrainConfig(label_smoothing=0.1), COUNTS)
    assert type(loss) is keras.losses.CategoricalCrossentropy
    assert loss.get_config()["label_smoothing"] == 0.1


def test_focal_loss_weighs_each_image_by_its_error():
    # 0.3² · −log 0.7 and 0.75² · −log 0.25
    expected = (0.09 * 0.3566749 + 0.5625 * 1.3862944) / 2
    assert value(TrainConfig(loss="focal")) == pytest.approx(expected, rel=1e-5)
    # 0.3^½ · −log 0.7 and 0.75^½ · −log 0.25
    expected = (0.5477226 * 0.3566749 + 0.8660254 * 1.3862944) / 2
    assert value(TrainConfig(loss="focal", focal_gamma=0.5)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal_loss_equals_that_of_keras(smoothing, gamma):
    """With an alpha of 1, on mixed labels too."""
    rng = np.random.default_rng(0)
    probabilities, labels = (rng.dirichlet(np.ones(3), 50).astype(np.float32) for _ in range(2))
    keras_loss = keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=gamma, label_smoothing=smoothing)
    config = TrainConfig(loss="focal", focal_gamma=gamma, label_smoothing=smoothing)
    assert value(config, labels, probabilities) == pytest.approx(float(keras_loss(labels, probabilities)), rel=1e-5)


def test_logit_adjustment_multiplies_the_odds_by_the_shares():
    # 0.7 · 0.9, 0.2 · 0.09 and 0.1 · 0.01; 0.5 · 0.9, 0.25 · 0.09 and 0.25 · 0.01: their sums are 0.649 and 0.475
    expected = -(np.log(0.63 / 0.649) + np.log(0.0025 / 0.475)) / 2
    assert value(TrainConfig(logit_adjustment=1.0)) == pytest.approx(expected, rel=1e-5)
    odds = PROBABILITIES * np.sqrt(COUNTS / 100)
    expected = -np.log((odds / odds.sum(axis=1, keepdims=True))[[0, 1], [0, 2]]).mean()
    assert value(TrainConfig(logit_adjustment=0.5)) == pytest.approx(expected, rel=1e-5)


def test_focal_loss_takes_the_adjusted_probabilities():
    p = np.array([0.63 / 0.649, 0.0025 / 0.475])
    expected = -((1 - p) ** 2 * np.log(p)).mean()
    assert value(TrainConfig(loss="focal", logit_adjustment=1.0)) == pytest.approx(expected, rel=1e-4)


def test_a_class_without_training_images_counts_as_one():
    np.testing.assert_allclose(log_shares(np.array([3, 0])), np.log([0.75, 0.25]), rtol=1e-6)


def test_a_sample_weight_multiplies_the_loss_of_its_image():
    loss = make_loss(TrainConfig(loss="focal"), COUNTS)
    weighted = float(loss(LABELS, PROBABILITIES, sample_weight=np.array([0.0, 2.0])))
    assert weighted == pytest.approx(0.5625 * 1.3862944, rel=1e-5)


@pytest.mark.parametrize("logit", [30.0, 200.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_confident_error_is_still_corrected(logit, gamma):
    """Keras' focal loss has no gradient here, because it clips probabilities."""
    own, clipped = ImbalanceLoss(gamma, log_shares(COUNTS)), keras.losses.CategoricalFocalCrossentropy(gamma=gamma)

    @tf.function
    def slopes(logits):
        return [
            tf.gradients(loss(tf.constant(LABELS[1:]), keras.activations.softmax(logits)), logits)[0]
            for loss in (own, clipped)
        ]

    found, of_keras = (slope.numpy()[0] for slope in slopes(tf.constant([[logit, 0.0, 0.0]])))
    np.testing.assert_allclose(found, [1, 0, -1], atol=1e-4)
    np.testing.assert_array_equal(of_keras, 0)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_perfect_prediction_has_a_finite_gradient(gamma):
    logits = tf.Variable([[200.0, 0.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = ImbalanceLoss(gamma, np.zeros(3, np.float32))(LABELS[:1], tf.nn.softmax(logits))
    assert float(loss) == 0.0
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()
