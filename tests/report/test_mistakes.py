"""The mistakes of the chosen experiment on the page, with their pictures."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kerasclf import Experiment
from kerasclf.report import page, write_report
from kerasclf.report.figures import draw_confusion
from kerasclf.report.mistakes import jpeg_of, mistakes_of
from kerasclf.report.study_results import ExperimentResults, read_results
from kerasclf.runs.examples import write_examples
from kerasclf.runs.run_folder import EXAMPLES, seal
from kerasclf.studies.study import Study
from kerasclf.studies.study_folder import StudyFolder
from tests.conftest import make_subset
from tests.report.test_page import write_run

# As many classes as `write_run` has; the grey of an image tells which one it is.
GREYS = np.arange(30, dtype=np.uint8) * 8


def grey_part():
    subset = make_subset(30, shape=(2, 2, 3))
    images = np.broadcast_to(GREYS[:, None, None, None], (30, 2, 2, 3)).copy()
    return replace(subset, images=replace(subset.images, array=images))


@pytest.fixture
def study(tmp_path):
    """A study with two experiments of one run each, made before runs kept images: 18 and 24 of 30 right."""
    experiments = {"first": Experiment(), "second": Experiment(model="basenet_deeper")}
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("small", "Small", "Why?", experiments))
    for (name, experiment), accuracy in zip(experiments.items(), (0.6, 0.8), strict=True):
        write_run(folder, name, experiment, 0, accuracy)
    return folder


@pytest.fixture
def no_figures(monkeypatch):
    """Figures take seconds and are not looked at here."""
    monkeypatch.setattr(page, "figure_bytes", lambda figure, form: b"")


def keep_examples(folder):
    """Lets all runs of a folder keep images, as new ones do."""
    for path in folder.path.glob("runs/*/seed-0"):
        run = folder.run(*path.parent.name.rsplit("-", 1), 0)
        description = run.description()
        write_examples(path / EXAMPLES, grey_part(), run.predictions()[1])
        (path / "experiment.json").unlink()
        seal(path, {name: value for name, value in description.items() if name != "files"})


def pixels_of(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)))


def pictures_on(text):
    """What a page's pictures say, and the middle pixel of each."""
    found = re.findall(r'src="data:image/jpeg;base64,([^"]*)" alt="([^"]*)"', text)
    return [(log, int(pixels_of(base64.b64decode(raw))[48, 48, 0])) for raw, log in found]


def test_the_page_shows_the_images_that_were_taken_for_another_class(study, no_figures, tmp_path):
    keep_examples(study)
    results = read_results(study.path)
    run = results.chosen.runs[0]
    assert results.chosen.name == "second"
    wrong = np.flatnonzero(run.probabilities.argmax(axis=1) != run.labels)
    assert len(wrong) == 6  # all with 0.8 for the wrong class, so that they come in their order
    text = write_report(results, tmp_path / "report").read_text()
    assert "Of second, the run with seed 0" in text
    shown = pictures_on(text)
    in_pairs, in_grid = shown[:-6], shown[-6:]
    names = ("image", "label", "&lt;b&gt;")
    assert [log for log, _ in in_grid] == [
        f"{i}: {names[i % 3]}, taken for {names[(i + 1) % 3]}" for i in wrong.tolist()
    ]
    np.testing.assert_allclose([grey for _, grey in in_grid], GREYS[wrong], atol=2)
    assert sorted(in_pairs) == sorted(in_grid)  # at most four of each pair, so that all are there
    assert text.count(", 80.0%</figcaption>") == 6


def test_the_page_counts_confused_classes(study, no_figures, tmp_path):
    results = read_results(study.path)
    run = results.chosen.runs[0]
    wrong = np.bincount(run.labels[run.probabilities.argmax(axis=1) != run.labels], minlength=3)
    found = {(pair.true, pair.predicted): (pair.count, pair.images) for pair in mistakes_of(run).pairs}
    names = run.class_names
    assert found == {(names[i], names[(i + 1) % 3]): (wrong[i], 10) for i in range(3) if wrong[i]}
    write_report(results, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    for (true, predicted), (count, _) in found.items():
        assert f"| {true} | {predicted} | {count} of 10 | {count * 10}% |" in text


def test_a_folder_from_before_runs_kept_images_has_counts_and_no_pictures(study, no_figures, tmp_path):
    text = write_report(read_results(study.path), tmp_path / "report").read_text()
    assert "Most confused classes" in text
    assert "Surest mistakes" not in text
    assert "image/jpeg" not in text
    assert not mistakes_of(read_results(study.path).first_run).pictured


def test_without_a_mistake_there_is_no_section(study, no_figures, tmp_path):
    keep_examples(study)
    results = read_results(study.path)
    flawless = [
        replace(e, runs=(replace(e.runs[0], probabilities=np.eye(3)[e.runs[0].labels]),)) for e in results.experiments
    ]
    index = write_report(replace(results, experiments=tuple(flawless)), tmp_path / "report")
    assert "Mistakes" not in index.read_text()
    assert "Mistakes" not in (index.parent / "report.md").read_text()


def test_a_report_with_pictures_is_the_same_every_time(study, tmp_path):
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


def test_what_can_be_seen_through_lies_over_white():
    clear = np.zeros((96, 96, 4), np.uint8)
    clear[:48, :, 3] = 255
    shown = pixels_of(jpeg_of(clear))
    assert shown[10, 10].tolist() == [0, 0, 0]
    assert shown[80, 80].tolist() == [255, 255, 255]


def with_classes(study, count):
    """The first experiment, as if its data had so many classes; the last of them are the worst."""
    run = read_results(study.path).first_run
    labels = np.repeat(np.arange(count), 4)
    right = np.arange(4 * count) % 4 < 3 - 2 * (labels >= count - 2)
    predicted = np.where(right, labels, (labels + 1) % (count - 2))
    names = [f"A rather long name of class {i}" for i in range(count)]
    many = replace(run, labels=labels, probabilities=np.eye(count)[predicted],
                   description={**run.description, "class_names": names})  # fmt: skip
    return ExperimentResults("many", Experiment(), (many,), None)


def test_of_many_classes_the_worst_are_listed_and_the_rest_folded(study):
    listed = page.by_class(with_classes(study, 41))
    assert [len(listed["shown"]), len(listed["folded"])] == [20, 21]
    assert {row[0][-2:] for row in listed["shown"][:2]} == {"39", "40"}
    assert max(row[3] for row in listed["shown"]) <= min(row[3] for row in listed["folded"])
    few = page.by_class(with_classes(study, 40))
    assert [row[0][-2:].strip() for row in few["shown"]] == [str(i) for i in range(40)]
    assert few["folded"] == []


def test_a_large_confusion_matrix_has_no_names_along_it(study):
    named, bare = (draw_confusion(with_classes(study, count)) for count in (40, 200))
    assert [len(figure.axes[0].get_yticks()) for figure in (named, bare)] == [40, 0]
    assert max(bare.get_size_inches()) < 9
    named.draw_without_rendering()
    boxes = [label.get_window_extent() for label in named.axes[0].get_yticklabels()]
    assert not any(one.overlaps(other) for one, other in zip(boxes[1:], boxes, strict=False))
