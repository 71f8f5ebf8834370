"""Fixtures that the tests of the report share."""

import pytest

from kerasclf import Experiment, Study, TrainConfig
from kerasclf.report import page_parts
from kerasclf.report.figures import themes
from kerasclf.studies import Published
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import draw_nothing, write_run


@pytest.fixture
def study():
    """A study with two experiments and two seeds."""
    return Study(
        "small", "A <small> study", "Why?", {"first": Experiment(), "second": Experiment(train=TrainConfig(epochs=2))},
        published={"first": Published(0.5, 1.25)}, published_data="cifar100:25", notes=("A note.",), seeds=(0, 1),
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path, study):
    """The folder of the study with all four runs."""
    folder = StudyFolder(tmp_path / "study")
    folder.claim(study)
    accuracies = {"first": (0.4, 0.6), "second": (0.7, 0.8)}
    for name, experiment in study.experiments.items():
        for seed, accuracy in enumerate(accuracies[name]):
            write_run(folder, name, experiment, seed, accuracy)
    return folder


@pytest.fixture
def nothing_drawn(monkeypatch):
    """Draws no figure of a page, for tests of its text."""
    draw_nothing(monkeypatch)


@pytest.fixture
def no_figures(monkeypatch):
    """Leaves the figures of a page empty: drawing them takes seconds."""
    for module in (page_parts, themes):
        monkeypatch.setattr(module, "figure_bytes", lambda figure, form: b"")
