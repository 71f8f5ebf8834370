"""The most confused classes and the most confident errors, on the page and with their pictures."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasclf import Experiment
from kerasclf.escaping import for_markdown
from kerasclf.report import write_report
from kerasclf.report.misclassifications import jpeg_of, mistakes_of
from kerasclf.report.results_reader import read_results
from kerasclf.runs.examples import write_examples
from kerasclf.runs.run_folder import EXAMPLES, seal
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from tests.conftest import make_subset
from tests.report.run_folders import write_run

# One grey level for each of the 30 images of `write_run`, by which a picture is recognised.
GREYS = np.arange(30, dtype=np.uint8) * 8


def grey_subset():
    subset = make_subset(30, shape=(2, 2, 3))
    images = np.broadcast_to(GREYS[:, None, None, None], (30, 2, 2, 3)).copy()
    return replace(subset, images=replace(subset.images, array=images))


@pytest.fixture
def study(tmp_path):
    """A study with two experiments of one run each and no kept images: 18 and 24 of 30 predictions are correct."""
    experiments = {"first": Experiment(), "second": Experiment(model="basenet_deeper")}
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("small", "Small", "Why?", experiments))
    for (name, experiment), accuracy in zip(experiments.items(), (0.6, 0.8), strict=True):
        write_run(folder, name, experiment, 0, accuracy)
    return folder


def keep_examples(folder):
    """Adds the kept images to all runs of a folder, as a run writes them now."""
    for path in folder.path.glob("runs/*/seed-0"):
        run = folder.run(*path.parent.name.rsplit("-", 1), 0)
        description = run.description()
        write_examples(path / EXAMPLES, grey_subset(), run.predictions()[1])
        (path / "experiment.json").unlink()
        seal(path, {name: value for name, value in description.items() if name != "files"})


def pixels_of(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def pictures_on(text):
    """The text of each picture on a page, and its middle pixel."""
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]*)" alt="([^"]*)"', text)
    return [(alt, int(pixels_of(base64.b64decode(raw))[48, 48, 0])) for raw, alt in pictures]


def test_the_page_shows_the_misclassified_images(study, nothing_drawn, tmp_path):
    keep_examples(study)
    results = read_results(study.path)
    run = results.chosen.runs[0]
    assert results.chosen.name == "second"
    wrong = np.flatnonzero(run.probabilities.argmax(axis=1) != run.labels)
    assert len(wrong) == 6  # all have a probability of 0.8 for the wrong class and keep their order
    text = write_report(results, tmp_path / "report").read_text()
    assert "Errors of second with seed 0 on the test set." in text
    shown = pictures_on(text)
    in_pairs, in_grid = shown[:-6], shown[-6:]
    names = ("image", "label", "&lt;b&gt;")
    assert [alt for alt, _ in in_grid] == [
        f"{i}: {names[i % 3]}, predicted as {names[(i + 1) % 3]}" for i in wrong.tolist()
    ]
    np.testing.assert_allclose([grey for _, grey in in_grid], GREYS[wrong], atol=2)
    assert sorted(in_pairs) == sorted(in_grid)  # no pair has more than four errors: all are shown
    assert text.count(", 80.0%</figcaption>") == 6


def test_the_page_counts_confused_classes(study, nothing_drawn, tmp_path):
    results = read_results(study.path)
    run = results.chosen.runs[0]
    wrong = np.bincount(run.labels[run.probabilities.argmax(axis=1) != run.labels], minlength=3)
    counts = {(pair.true, pair.predicted): (pair.count, pair.images) for pair in mistakes_of(run).pairs}
    names = run.class_names
    assert counts == {(names[i], names[(i + 1) % 3]): (wrong[i], 10) for i in range(3) if wrong[i]}
    write_report(results, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "| true class | predicted as |" in text
    for (true, predicted), (count, _) in counts.items():
        assert f"| {for_markdown(true)} | {for_markdown(predicted)} | {count} of 10 | {count * 10}% |" in text


def test_a_run_without_kept_images_has_counts_and_no_pictures(study, nothing_drawn, tmp_path):
    text = write_report(read_results(study.path), tmp_path / "report").read_text()
    assert "Most confused classes" in text
    assert "Most confident errors" not in text
    assert "image/jpeg" not in text
    assert not mistakes_of(read_results(study.path).first_run).has_pictures


def test_without_an_error_there_is_no_section(study, nothing_drawn, tmp_path):
    keep_examples(study)
    results = read_results(study.path)
    perfect = [
        replace(e, runs=(replace(e.runs[0], probabilities=np.eye(3)[e.runs[0].labels]),)) for e in results.experiments
    ]
    index = write_report(replace(results, experiments=tuple(perfect)), tmp_path / "report")
    assert "<h2>Errors</h2>" not in index.read_text()
    assert "Most confused classes" not in (index.parent / "report.md").read_text()


@pytest.mark.slow
def test_a_report_with_pictures_has_the_same_bytes_every_time(study, tmp_path):
    keep_examples(study)
    results = read_results(study.path)
    single = replace(results, experiments=(results.chosen,))
    one, other = (write_report(single, tmp_path / name) for name in ("one", "other"))
    assert b"image/jpeg" in one.read_bytes()
    for path in one.parent.iterdir():
        assert path.read_bytes() == (other.parent / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((32, 32, 3), (96, 96, 3)), ((28, 28, 1), (84, 84)), ((96, 48, 3), (96, 48, 3)), ((10, 20, 4), (40, 80, 3)),
     ((8, 8, 2), (96, 96))],
)  # fmt: skip
def test_tiny_images_are_enlarged(shape, expected):
    assert pixels_of(jpeg_of(np.zeros(shape, np.uint8))).shape == expected


def test_an_enlarged_image_shows_its_pixels():
    image = np.array([[0, 255], [255, 0]], np.uint8)[:, :, None]
    shown = pixels_of(jpeg_of(image)).astype(int)
    np.testing.assert_allclose(shown, np.kron(image[:, :, 0], np.ones((48, 48), int)), atol=2)


def test_transparent_pixels_are_white():
    clear = np.zeros((96, 96, 4), np.uint8)
    clear[:48, :, 3] = 255
    shown = pixels_of(jpeg_of(clear))
    assert shown[10, 10].tolist() == [0, 0, 0]
    assert shown[80, 80].tolist() == [255, 255, 255]
