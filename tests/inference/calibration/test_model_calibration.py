"""The calibration of a model: from its run, through the metadata of a file, and what it refuses."""

import json

import numpy as np
import pytest

from kerasclf.errors import FolderError, KerasclfError
from kerasclf.inference.calibration.abstention import choose_threshold
from kerasclf.inference.calibration.calibration import fit_temperature, temper
from kerasclf.inference.calibration.conformal import conformal_sets
from kerasclf.inference.calibration.model_calibration import (
    ModelCalibration,
    checked,
    read_model_calibration,
    why_uncalibrated,
)
from tests.inference.pixel_runs import NAMES, pixel_model, write_pixel_run
from tests.inference.simulated import overconfident


@pytest.fixture(scope="module")
def validation():
    return overconfident(1500, 1.6, seed=3)


@pytest.fixture(scope="module")
def fitted(validation):
    return ModelCalibration.fit(*validation)


@pytest.fixture(scope="module")
def model():
    return pixel_model(1.6)


def test_it_is_the_temperature_of_the_validation_images(fitted, validation):
    labels, probabilities = validation
    assert fitted.temperature == fit_temperature(labels, probabilities)
    assert 1.3 < fitted.temperature.value < 1.9
    expected = temper(probabilities, fitted.temperature.value)
    np.testing.assert_allclose(fitted.calibrated(probabilities), expected, atol=1e-7)
    assert fitted.as_trained(probabilities) is probabilities
    assert repr(fitted) == (
        f"<ModelCalibration: calibrated probabilities: temperature {fitted.temperature.value:.2f}, fitted on 1,500 "
        "validation images>"
    )


@pytest.mark.parametrize("by_class", [False, True])
def test_its_promises_are_those_of_calibrated_probabilities(fitted, validation, by_class):
    labels, probabilities = validation
    calibrated = fitted.calibrated(probabilities)
    assert fitted.abstention(0.9) == choose_threshold(labels, calibrated, 0.9)
    assert 0 < fitted.abstention(0.9).answered < 1500
    expected = conformal_sets(labels, calibrated, 0.8, by_class)
    np.testing.assert_array_equal(fitted.sets(0.8, by_class).least, expected.least)


def test_few_images_give_no_temperature(validation):
    labels, probabilities = validation
    found = ModelCalibration.fit(labels[:49], probabilities[:49])
    np.testing.assert_array_equal(found.calibrated(probabilities), probabilities)
    assert found.sentence == "probabilities as trained: a temperature needs at least 50 validation images. There are 49"
    assert ModelCalibration.fit(labels[:50], probabilities[:50]).temperature.problem is None


def test_a_threshold_separates_nothing_that_float32_cannot():
    """Otherwise images with probabilities that were rounded to 1 would be answered without having been tested."""
    confidence = 1 - np.logspace(-12, -9, 49)
    labels = (np.arange(49) >= 30).astype(int)  # the lower 19 are wrong
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    assert choose_threshold(labels, probabilities, 0.8).answered > 20
    assert ModelCalibration.fit(labels, probabilities).abstention(0.8).answered == 0


def test_metadata_restore_every_promise(fitted, validation):
    plain = json.loads(json.dumps(fitted.to_plain(), allow_nan=False))
    found = ModelCalibration.from_plain(plain, 10, "here")
    assert found.inside and not fitted.inside
    assert found.temperature == fitted.temperature
    for accuracy in (0.8, 0.9, 0.99):
        assert repr(found.abstention(accuracy)) == repr(fitted.abstention(accuracy))
    np.testing.assert_array_equal(found.sets(0.9, by_class=True).least, fitted.sets(0.9, by_class=True).least)
    assert plain["abstention"]["threshold"] == fitted.abstention(0.95).threshold
    assert plain["sets"]["least_probability"] == fitted.sets(0.95).least[0]
    outputs = fitted.calibrated(validation[1])
    assert found.calibrated(outputs) is outputs
    np.testing.assert_allclose(found.as_trained(outputs), validation[1], atol=1e-6)


def test_metadata_without_a_promise_say_why():
    plain = ModelCalibration.fit(np.array([0, 1, 1]), np.eye(3)[[0, 1, 1]]).to_plain()
    assert plain["abstention"]["threshold"] is None
    assert "from 3 validation images: at least 59 are needed" in plain["abstention"]["problem"]
    assert "3 validation images cannot promise" in plain["sets"]["problem"]
    json.dumps(plain, allow_nan=False)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": 0.0}, "expected a temperature and probabilities of 10 classes"),
        ({"temperature": "hot"}, "temperature: expected a finite number. Received: 'hot'."),
        ({"validation": {"labels": [10], "of_true": [0.5], "confidence": [0.5], "correct": [1]}}, "of 10 classes"),
        ({"validation": {"labels": [1], "of_true": [1.5], "confidence": [0.5], "correct": [1]}}, "of 10 classes"),
        ({"validation": {"labels": [1, 2], "of_true": [0.5], "confidence": [0.5], "correct": [1]}}, "of 10 classes"),
        ({"validation": {"labels": [1], "of_true": [0.5], "confidence": [0.5], "correct": [2]}}, "of 10 classes"),
        ({"validation": []}, "validation: expected an object"),
    ],
)
def test_hostile_metadata_is_refused(fitted, changed, message):
    with pytest.raises(FolderError, match=message) as caught:
        ModelCalibration.from_plain({**fitted.to_plain(), **changed}, 10, "calibration in model.keras")
    assert str(caught.value).startswith("calibration in model.keras cannot be read")


def test_a_run_calibrates_its_own_model_only(model, tmp_path):
    run = write_pixel_run(tmp_path / "run", model, 1.6, 400, seed=1)
    path = run.path / "model.keras"
    found = read_model_calibration(path, run)
    assert found.temperature == fit_temperature(*run.validation_predictions())
    assert found.classes == len(NAMES)
    assert read_model_calibration(path, None) is None
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(FolderError, match=r"is not the model of its run: validation_predictions\.csv beside it"):
        read_model_calibration(path, run)


def test_a_model_without_validation_predictions_says_what_to_do(model, tmp_path):
    older = write_pixel_run(tmp_path / "older", model, 1.6, None, seed=1)
    final = write_pixel_run(tmp_path / "final", model, 1.6, None, seed=1, view={"everything": True})
    path = tmp_path / "model.keras"
    start = f"Expected a model whose predictions of validation images are known. Received: {path}, "
    for run, end in [
        (older, "whose run kept no validation_predictions.csv. Train it again with this version."),
        (final, "which was trained on the validation images too: they cannot calibrate it. Give the folder of a run of "
                "the study instead."),
        (None, "which is not in the folder of its run. Give the folder of the run, or a calibrated model."),
    ]:  # fmt: skip
        with pytest.raises(KerasclfError) as caught:
            checked(None, path, run)
        assert str(caught.value) == start + end
        assert ("the model was trained on the validation images too" in why_uncalibrated(run)) == (run is final)
    with pytest.raises(KerasclfError, match=r"raw: expected calibrated probabilities for `abstain_at` and `sets`"):
        checked(None, path, older, raw=True)
