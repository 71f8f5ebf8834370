"""The explanations of a study: chosen images, heat maps, nearest training images, and the page that shows them."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig, load, run_study
from kerasclf.errors import FolderError
from kerasclf.explained_study import explain_study, start_explaining
from kerasclf.files.arrays import read_arrays
from kerasclf.inference.explain import features
from kerasclf.models.visualization import grad_cam
from kerasclf.report import read_results, write_report
from kerasclf.report.explained_images import explained_images
from kerasclf.runs.engines.local_engines import Inline, Processes
from kerasclf.studies.explanations import EXPLANATIONS, chosen_images, read_explanations
from tests.report.run_folders import draw_nothing


@pytest.fixture(scope="module")
def explained(tmp_path_factory):
    """A study of a network with feature maps, which makes many errors, with its explanations."""
    out = tmp_path_factory.mktemp("explained") / "study"
    experiment = Experiment(
        data="digits",
        model="basenet",
        split=Split(train_per_class=8, validation=0.25, test_per_class=3),
        augmentation=Augmentation(rescale=1 / 255),
        train=TrainConfig(epochs=1),
        image_size=(16, 16),
    )
    run_study(Study("digits", "Digits", "Why?", {"one": experiment}), out, engine=Inline())
    return out, explain_study(read_results(out), out)


def test_the_images_are_the_most_confident_errors_and_correct_ones():
    labels = np.arange(40) % 2
    right = np.arange(40) % 4 < 2
    shares = np.linspace(0.6, 0.99, 40)
    predicted = np.where(right, labels, 1 - labels)
    probabilities = np.where(np.arange(2) == predicted[:, None], shares[:, None], 1 - shares[:, None])
    errors, correct = chosen_images(labels, probabilities)
    assert errors.tolist() == [39, 38, 35, 34, 31, 30, 27, 26]
    assert len(set(correct)) == 8
    assert right[correct].all()
    assert chosen_images(labels, probabilities)[1].tolist() == correct.tolist()


def test_the_heat_maps_are_those_of_the_run(explained):
    out, results = explained
    found, trained = results.explanations, load(out)
    run = results.chosen.runs[0]
    test = run_dataset(out).test
    for index, heat in zip(found.indices, found.heat, strict=True):
        image = test.images.read(np.array([index]))[0]
        one = grad_cam(trained.model, image, int(run.probabilities[index].argmax()))
        np.testing.assert_allclose(heat, one.heat, atol=1e-5)
        assert found.layer == one.layer


def test_the_nearest_training_images_are_found_by_features(explained):
    out, results = explained
    found, trained, dataset = results.explanations, load(out), run_dataset(out)
    index = int(found.indices[0])
    test, train = (features(trained.model, s.images.read(np.arange(len(s)))) for s in (dataset.test, dataset.train))
    cosines = train @ test[index] / np.linalg.norm(train, axis=1) / np.linalg.norm(test[index])
    best = int(cosines.argmax())
    assert found.near_names[0, 0] == dataset.train.names[best]
    assert found.near_labels[0, 0] == dataset.train.labels[best]
    np.testing.assert_allclose(found.near_distances[0], 1 - np.sort(cosines)[::-1][:3], atol=1e-4)
    assert found.searched == f"All {len(dataset.train)} training images were searched."


def run_dataset(out):
    from kerasclf.runs.run_data import dataset_of_run

    return dataset_of_run(load(out).run, lambda line: None)


def test_the_page_shows_them_without_computing_anything(explained, monkeypatch, tmp_path):
    out, _ = explained
    draw_nothing(monkeypatch)
    results = read_results(out)
    shown = explained_images(results)
    right = int(results.chosen.runs[0].correct.sum())
    assert len(shown.errors) == 8
    assert len(shown.correct) == min(8, right) > 0
    assert [len(one.nearest) for one in shown.errors] == [3] * 8
    assert not any(one.nearest for one in shown.correct)
    text = write_report(results, tmp_path / "report").read_text()
    assert "<h2>Explanations</h2>" in text
    assert text.count('alt="Heat map of') == 8 + min(8, right)
    assert "training images were searched." in text


def test_explanations_of_another_run_are_not_shown(explained):
    _, results = explained
    assert explained_images(replace(results, explanations=replace(results.explanations, seed=1))) is None
    assert explained_images(replace(results, explanations=None)) is None


def test_they_are_computed_once(explained, monkeypatch):
    out, _ = explained
    monkeypatch.setattr("kerasclf.explained_study.explain_run", None)
    results = read_results(out)
    assert explain_study(results, out) is results


def test_a_failure_is_said_and_the_report_goes_on(explained):
    out, results = explained
    without, lines = replace(results, explanations=None), []
    changed = {**without.study, "name": "x"}
    found = explain_study(replace(without, study=changed), out / "elsewhere", lines.append)
    assert found.explanations is None
    assert len(lines) == 1
    assert lines[0].startswith("the report has no heat maps: ")


def test_a_damaged_file_is_refused(explained, tmp_path):
    out, _ = explained
    arrays, _ = read_arrays(out / EXPLANATIONS)
    np.savez(tmp_path / EXPLANATIONS, **arrays)
    with pytest.raises(FolderError, match="cannot be read"):
        read_explanations(tmp_path)
    assert read_explanations(tmp_path / "nowhere") is None


def test_a_dense_network_has_none_and_nothing_is_said(photo_study, tmp_path, monkeypatch):
    out, lines = photo_study, []
    results = explain_study(read_results(out), out, lines.append)
    assert (results.explanations, lines) == (None, [])
    assert not (out / EXPLANATIONS).exists()
    draw_nothing(monkeypatch)
    assert "Explanations" not in write_report(results, tmp_path / "report").read_text()


def test_a_quick_study_has_none(explained, monkeypatch):
    out, results = explained
    monkeypatch.setattr("kerasclf.explained_study.explain_run", None)
    quick = replace(results, study={**results.study, "size": "quick"}, explanations=None)
    assert explain_study(quick, out) is quick


@pytest.mark.slow
def test_a_process_of_its_own_explains_while_the_figures_are_drawn(explained):
    """The process has run the training, or is a new one."""
    out, results = explained
    (out / EXPLANATIONS).unlink()
    found = start_explaining(replace(results, explanations=None), out, pytest.fail, Processes(1))().explanations
    expected = results.explanations
    assert found.near_names.tolist() == expected.near_names.tolist()
    assert found.searched == expected.searched
    np.testing.assert_allclose(found.heat, expected.heat, atol=1e-5)  # with another number of threads
    np.testing.assert_array_equal(found.images, expected.images)
    assert (out / EXPLANATIONS).exists()


def test_a_process_that_cannot_start_is_said(explained):
    out, results = explained
    lines = []

    class Full(Inline):
        def start(self, function, *arguments):
            raise OSError(12, "Cannot allocate memory")

    without = replace(results, explanations=None)
    assert start_explaining(without, out, lines.append, Full())() is without
    assert lines == ["the report has no heat maps: [Errno 12] Cannot allocate memory"]
