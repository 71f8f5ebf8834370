"""The threshold of abstention: exact counts, what cannot be promised, and whether the promise holds."""

import numpy as np
import pytest
from scipy.stats import binom

from kerasclf.errors import KerasclfError
from kerasclf.inference.calibration.abstention import choose_threshold, images_needed
from kerasclf.inference.calibration.calibration import fit_temperature, temper
from tests.inference.simulated import overconfident


def two_classes(confidence, correct):
    return np.where(correct, 0, 1), np.stack([confidence, 1 - np.asarray(confidence)], axis=1)


@pytest.mark.parametrize("accuracy", [0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("errors", [0, 1])
def test_the_fewest_images_are_those_of_the_binomial_distribution(accuracy, errors):
    needed = images_needed(accuracy, errors)
    assert binom.cdf(errors, needed, 1 - accuracy) <= 0.05 < binom.cdf(errors, needed - 1, 1 - accuracy)


def test_a_network_that_is_always_right_answers_everything():
    labels, probabilities = two_classes(np.linspace(0.6, 0.99, 100), np.ones(100, bool))
    found = choose_threshold(labels, probabilities, 0.95)
    assert (found.threshold, found.answered, found.share, found.problem) == (0.0, 100, 1.0, None)
    assert found.low == pytest.approx(0.05 ** (1 / 100))
    assert found.answers(probabilities).all()


def test_the_threshold_lies_below_the_answered_images():
    confidence = np.linspace(0.99, 0.6, 200)
    labels, probabilities = two_classes(confidence, np.arange(200) < 120)
    found = choose_threshold(labels, probabilities, 0.95)
    # 200 / 1.1 / 1.1 … are 100, 110, 122, …, without and with 2 errors; 2 errors need 124 answers.
    assert images_needed(0.95, errors=2) == 124
    assert found.answered == 110
    assert found.threshold == confidence[110]
    assert found.answers(probabilities).sum() == 110
    assert found.low == pytest.approx(0.05 ** (1 / 110))


def test_equal_confidences_are_answered_together_or_not_at_all():
    confidence = np.repeat([0.9, 0.7], 100)
    labels, probabilities = two_classes(confidence, np.arange(200) < 100)
    found = choose_threshold(labels, probabilities, 0.95)
    assert (found.answered, found.threshold) == (100, 0.7)
    assert found.answers(probabilities).sum() == 100
    same = choose_threshold(*two_classes(np.full(200, 0.9), np.arange(200) < 100))
    assert (same.answered, same.answers(probabilities).any()) == (0, False)
    assert "of the 200 most confident validation images, 100 are predicted wrongly." in same.problem


def test_many_equal_confidences_at_the_top_are_no_obstacle():
    confidence = np.repeat([1.0, 0.6], [150, 50])
    found = choose_threshold(*two_classes(confidence, np.arange(200) < 150))
    assert (found.answered, found.threshold, found.problem) == (150, 0.6, None)


@pytest.mark.parametrize(
    ("images", "right", "problem"),
    [
        (3, 3, "An accuracy of 0.95 cannot be promised from 3 validation images: at least 59 are needed, even if all "
               "of them are predicted correctly."),
        (0, 0, "An accuracy of 0.95 cannot be promised from 0 validation images: at least 59 are needed, even if all "
               "of them are predicted correctly."),
        (186, 0, "An accuracy of 0.95 cannot be promised: of the 93 most confident validation images, 93 are "
                 "predicted wrongly. Use more validation images, or promise less."),
    ],
)  # fmt: skip
def test_what_cannot_be_promised_is_said(images, right, problem):
    found = choose_threshold(*two_classes(np.linspace(0.99, 0.6, images), np.arange(images) < right))
    assert (found.threshold, found.answered, found.share) == (np.inf, 0, 0.0)
    assert np.isnan(found.low)
    assert found.problem == problem


@pytest.mark.parametrize("accuracy", [0, 1, 95, float("nan")])
def test_an_accuracy_that_is_no_share_is_refused(accuracy):
    with pytest.raises(KerasclfError, match=r"accuracy: expected a share between 0 and 1\. Received:"):
        choose_threshold(np.array([0]), np.array([[0.9, 0.1]]), accuracy)


def holds(validation, test, accuracy, calibrated):
    """Whether the promise holds on very many images; None if nothing is promised."""
    temperature = fit_temperature(*validation).value if calibrated else 1.0
    rule = choose_threshold(validation[0], temper(validation[1], temperature), accuracy)
    if rule.problem:
        return None
    probabilities = temper(test[1], temperature)
    answered = rule.answers(probabilities)
    return bool((probabilities.argmax(axis=1) == test[0])[answered].mean() >= accuracy)


@pytest.mark.slow
@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize(("images", "accuracy"), [(200, 0.9), (1000, 0.95)])
def test_the_promise_holds_in_95_of_100_validation_sets(images, accuracy, calibrated):
    labels, probabilities = overconfident(40_000, temperature=1.6, seed=0)
    test = labels[:20_000], probabilities[:20_000]
    found = []
    for seed in range(200):
        drawn = 20_000 + np.random.default_rng(seed).choice(20_000, images, replace=False)
        found.append(holds((labels[drawn], probabilities[drawn]), test, accuracy, calibrated))
    assert found.count(False) <= 0.07 * 200
    promised = [one for one in found if one is not None]
    assert len(promised) >= 20  # otherwise the test would pass when nothing is ever promised


@pytest.mark.slow
def test_the_promise_holds_where_it_is_hardest():
    """All thresholds have exactly the accuracy just below the promise: any promise is wrong."""
    broken = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        labels, probabilities = two_classes(rng.uniform(0.5, 1, 500), rng.random(500) < 0.9)
        broken += choose_threshold(labels, probabilities, 0.9001).problem is None
    assert broken / 400 <= 0.07
