"""Temperature, reliability, calibration errors: values by hand, scikit-learn's own, and coverage of the interval."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from kerasclf.inference.calibration.calibration import (
    brier_score,
    calibration_error,
    fit_temperature,
    reliability,
    temper,
)
from kerasclf.runs.metrics import cross_entropy
from tests.inference.simulated import overconfident


class InHand(ClassifierMixin, BaseEstimator):
    """Passes probabilities through."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        return x

    def predict(self, x):
        return self.classes_[x.argmax(axis=1)]


def test_the_temperature_is_that_of_scikit_learn():
    labels, probabilities = overconfident(400, temperature=2.0, seed=0)
    found = fit_temperature(labels, probabilities)
    frozen = FrozenEstimator(InHand().fit(probabilities, labels))
    theirs = CalibratedClassifierCV(frozen, method="temperature").fit(probabilities, labels)
    np.testing.assert_allclose(temper(probabilities, found.value), theirs.predict_proba(probabilities), atol=1e-4)
    assert found.images == 400
    assert found.problem is None


def test_the_temperature_of_an_overconfident_network_is_found():
    labels, probabilities = overconfident(20_000, temperature=1.7, seed=1)
    found = fit_temperature(labels, probabilities)
    assert found.value == pytest.approx(1.7, rel=0.03)
    assert cross_entropy(labels, temper(probabilities, found.value)) < cross_entropy(labels, probabilities)


def test_two_classes_have_the_temperature_by_hand():
    # Right in 3 of 4 cases at a confidence of 90 %: 75 % is ln 3, which is half of ln 9.
    assert fit_temperature(np.array([0, 0, 1, 0]), np.tile([0.9, 0.1], (4, 1))).value == pytest.approx(2, rel=1e-4)


@pytest.mark.parametrize(
    ("labels", "probabilities", "problem"),
    [
        ([0, 1, 2], np.full((3, 3), 0.1) + 0.7 * np.eye(3), "Every validation image is predicted correctly."),
        ([1, 2, 0], np.full((3, 3), 0.1) + 0.7 * np.eye(3),
         "True classes are no more probable than others on the validation images."),
        ([], np.empty((0, 3)), "There are no validation images."),
    ],
)  # fmt: skip
def test_a_temperature_without_an_optimum_is_one(labels, probabilities, problem):
    found = fit_temperature(np.array(labels, int), probabilities)
    assert (found.value, found.images, found.problem) == (1.0, len(labels), problem)


def test_a_missing_class_and_probabilities_of_zero_are_no_obstacle():
    labels, probabilities = np.array([0, 0, 1, 0]), np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0.5, 0.25, 0.25]])
    found = fit_temperature(labels, probabilities)
    assert found.problem is None
    assert found.value > 5
    np.testing.assert_allclose(temper(probabilities, found.value).sum(axis=1), 1)


def test_a_temperature_of_one_changes_nothing():
    p = np.array([[0.7, 0.2, 0.1]])
    np.testing.assert_allclose(temper(p, 1.0), p)


def test_brier_score_by_hand():
    assert brier_score(np.array([0, 1]), np.array([[0.8, 0.2], [0.6, 0.4]])) == pytest.approx((0.08 + 0.72) / 2)
    assert brier_score(np.array([0]), np.array([[0.0, 1.0]])) == 2


def test_bins_have_equally_many_images_and_equal_confidences_share_one():
    confidence = np.linspace(0.55, 0.95, 40)
    found = reliability(np.repeat([0, 1], 20), np.stack([confidence, 1 - confidence], axis=1))
    assert found.images.tolist() == [20, 20]
    assert found.accuracy.tolist() == [1, 0]
    np.testing.assert_allclose(found.confidence, [confidence[:20].mean(), confidence[20:].mean()])
    equal = reliability(np.arange(100) % 2, np.tile([0.8, 0.2], (100, 1)))
    assert equal.images.tolist() == [100]
    assert equal.accuracy.tolist() == [0.5]


def test_the_error_by_hand_and_of_few_images():
    few = calibration_error([(np.array([0, 0, 1]), np.tile([0.9, 0.1], (3, 1)))])
    assert few.plain == few.value == pytest.approx(0.9 - 2 / 3)
    assert np.isnan([few.low, few.high]).all()
    # 80 of 100 images are right at a confidence of 95 %.
    labels = np.repeat([0, 1], [80, 20])
    found = calibration_error([(labels, np.tile([0.95, 0.05], (100, 1)))])
    assert found.plain == pytest.approx(0.15)
    # One bin has no bias worth mention. Its standard error is √(0.8 · 0.2 / 100) = 0.04.
    assert found.value == pytest.approx(0.15, abs=0.005)
    assert found.low == pytest.approx(0.15 - 2.24 * 0.04, abs=0.01)  # two-sided, since the sign is unknown
    assert found.high == pytest.approx(0.15 + 1.96 * 0.04, abs=0.01)


def test_the_error_of_runs_is_their_mean():
    labels = np.repeat([0, 1], [80, 20])
    runs = [(labels, np.tile([p, 1 - p], (100, 1))) for p in (0.9, 0.96)]
    assert calibration_error(runs).plain == pytest.approx(0.13)
    assert calibration_error(runs) == calibration_error(runs)


def test_a_network_that_is_always_right_has_the_error_of_its_doubt():
    found = calibration_error([(np.zeros(60, int), np.tile([0.9, 0.1], (60, 1)))])
    assert found.value == pytest.approx(0.1)


@pytest.mark.slow
@pytest.mark.parametrize(("temperature", "least"), [(1.0, 0.93), (1.2, 0.93), (1.8, 0.93)])
def test_the_interval_covers_the_true_error(temperature, least):
    """The bins of very many images show the true error. The percentiles of a plain bootstrap never cover 0."""
    every = overconfident(300_000, temperature, seed=0)
    bins = 300
    confidence, correct = every[1].max(axis=1), every[1].argmax(axis=1) == every[0]
    order = np.argsort(confidence)
    gaps = [abs(part.mean()) for part in np.array_split((correct - confidence)[order], bins)]
    truth = 0.0 if temperature == 1 else float(np.mean(gaps))
    found = [calibration_error([overconfident(500, temperature, seed)]) for seed in range(1, 201)]
    covered = np.mean([one.low <= truth <= one.high for one in found])
    assert covered >= least
    assert np.mean([one.value for one in found]) < np.mean([one.plain for one in found])
