"""The sentences on the limits of a model."""

import numpy as np
import pytest

from kerasclf.report.model_limits import limits_of, title_of
from kerasclf.report.statistics.intervals import accuracy_interval
from kerasclf.runs.run_folder import RunFolder
from tests.report.run_folders import CLASSES


@pytest.fixture
def run(folder):
    path = next(folder.path.glob("runs/first-*/seed-0"))
    return RunFolder(path)


def changed(run, monkeypatch, **values):
    """Makes the description of a run another one."""
    description = {**run.description(), **values}
    monkeypatch.setattr(RunFolder, "description", lambda self: description)


def test_they_name_the_classes_the_training_and_the_accuracy(run):
    labels, probabilities = run.predictions()
    accuracy = accuracy_interval(probabilities.argmax(axis=1) == labels)
    data = run.description()["data"]
    classes, training, measured = limits_of(run, CLASSES)
    assert classes == (
        f"It knows {len(CLASSES)} classes: {', '.join(CLASSES[:-1])} and {CLASSES[-1]}. It answers with one of them "
        "even if an image shows something else."
    )
    assert data["images"]["train"] == 1
    assert training == f"It was trained on 1 image. Its data: {data['title']}."
    assert measured == (
        f"It classifies {accuracy.value:.1%} of {len(labels)} test images correctly. The 95 % interval, for images "
        f"like these, is {accuracy.low:.1%} to {accuracy.high:.1%}."
    )


def test_the_interval_is_over_groups(run, monkeypatch):
    labels, probabilities = run.predictions()
    groups = np.arange(len(labels)) // 6
    changed(run, monkeypatch, data={**run.description()["data"], "test_groups": groups.tolist()})
    found = accuracy_interval(probabilities.argmax(axis=1) == labels, groups=groups)
    assert limits_of(run, CLASSES)[2].endswith(f"like these, is {found.low:.1%} to {found.high:.1%}.")


def test_of_many_classes_the_first_are_named(run):
    names = [str(number) for number in range(60)]
    assert (
        limits_of(None, names)[0].startswith("It knows 60 classes: 0, 1, ")
        and "49 and 10 others." in limits_of(None, names)[0]
    )


def test_without_its_run_a_model_is_unknown(tmp_path):
    assert limits_of(None, ["cat", "dog"])[1:] == [
        "Its training and its accuracy are unknown: the model is not in the folder of its run."
    ]
    assert title_of(None, tmp_path / "birds.keras") == "birds.keras"


def test_a_final_model_was_not_tested_itself(run, monkeypatch):
    changed(run, monkeypatch, view={"joined": True})
    assert limits_of(run, CLASSES)[2] == (
        "This very model was not tested. MODEL_CARD.md beside it has the accuracy of its recipe."
    )


def test_flaws_are_a_warning(run, monkeypatch):
    changed(run, monkeypatch, experiment={**run.description()["experiment"], "flaws": ["leaked_test", "other"]})
    assert limits_of(run, CLASSES)[3:] == [
        "It was trained with known flaws, to study them: leaked_test and other. Do not use it."
    ]


def test_the_title_is_the_network_and_its_data(run):
    assert title_of(run, run.path) == f"basenet on {run.description()['data']['title']}"
