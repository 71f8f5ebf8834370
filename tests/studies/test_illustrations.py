"""The arrays behind the figures of the course: the decision line, kernels, feature maps and Grad-CAM."""

import keras
import numpy as np
import pytest

from kerasclf import FinishedStudy, run_study
from kerasclf.report.course import illustration_figures
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.studies import declare
from kerasclf.studies.illustrations import ILLUSTRATIONS, illustrate_study, illustration_file, read_illustration
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_options import StudyOptions
from tests.prepared_engine import Prepared


def illustrated(name, data, tmp_path):
    """Runs the illustrated experiment of a study for one epoch; returns its run and its illustration."""
    kind, experiment, _ = ILLUSTRATIONS[name]
    study = declare(name, options=StudyOptions(data=data, size="quick", limits=Reduction(epochs=1)))
    folder = run_study(study, tmp_path / "out", only=(experiment,), engine=Inline())
    run = folder.run(experiment, study.experiments[experiment].identity, 0)
    illustrate_study(folder)
    return run, *read_illustration(folder.path, kind)


def test_each_shows_an_experiment_of_its_study():
    for name, (_, experiment, _) in ILLUSTRATIONS.items():
        assert experiment in declare(name).experiments


def test_a_missing_illustration_is_none(tmp_path):
    assert read_illustration(tmp_path, "decision") is None
    assert illustration_file(tmp_path, "visualization") == tmp_path / "visualization.npz"


def test_other_studies_have_no_illustration(tmp_path):
    study = declare("course-iris", options=StudyOptions(size="quick", limits=Reduction(epochs=1)))
    folder = run_study(study, tmp_path / "out", only=("raw",), engine=Prepared({"raw": lambda seed: 0.8}))
    illustrate_study(folder)
    assert illustration_figures(folder.path) == {}


@pytest.mark.slow
def test_the_decision_line_is_that_of_the_run(tmp_path):
    run, arrays, described = illustrated("course-perceptron", "points", tmp_path)
    finished = FinishedStudy(tmp_path / "out")
    finished.illustrate()
    assert finished.figure("decision")._repr_png_().startswith(b"\x89PNG")
    assert described["class_names"] == ["blue", "orange"]
    assert arrays["shares"].shape == (2, 60, 60)
    np.testing.assert_allclose(arrays["shares"][0], 0.5, atol=1e-7)  # some processors round e⁻⁰ differently
    predicted = np.asarray(keras.models.load_model(run.path / "model.keras")(arrays["points"][:, None, None]))[:, 1]
    assert arrays["right"][-1] == ((predicted >= 0.5) == (arrays["labels"] == 1)).mean()


@pytest.mark.slow
def test_the_visualization_has_the_maps_of_each_convolution(tmp_path):
    run, arrays, described = illustrated("course-cnn", "digits", tmp_path)
    layers = [layer for layer, _ in described["layers"]]
    assert {*arrays} == {"image", "kernels", "heat", *(f"maps/{layer}" for layer in layers)}
    assert arrays["image"].dtype == np.uint8
    labels, probabilities = run.predictions()
    label, probability = probabilities[0].argmax(), probabilities[0].max()
    assert described["attention"].startswith(f"predicted {label} (")
    assert described["attention"].endswith(f"true class {labels[0]}")
    assert float(described["attention"].split("(")[1].split("%")[0]) == pytest.approx(100 * probability, abs=0.1)
