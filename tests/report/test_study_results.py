"""The results of a study are read from its folder, with the limits of what they show."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Experiment, Split, Study
from kerasclf.errors import FolderError
from kerasclf.report import read_results
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import CLASSES


def test_class_names_do_not_collide_with_columns(folder):
    results = read_results(folder.path)
    assert results.first_run.class_names == list(CLASSES)
    labels, probabilities = results.experiments[0].pooled
    assert probabilities.shape == (60, 3)
    assert labels.tolist() == list(np.arange(30) % 3) * 2


def test_same_data_is_comparable(folder):
    results = read_results(folder.path)
    same = replace(results, study={**results.study, "published_data": "shapes"})
    assert same.comparable
    assert same.caution == ""
    assert "This is the quick size" in replace(same, study={**same.study, "size": "quick"}).caution


def test_other_data_is_not_comparable(folder):
    results = read_results(folder.path)
    assert not results.comparable
    assert results.caution == (
        "The results are measured on shapes (drawn). The published figures were measured on cifar100:25 and are not "
        "comparable."
    )


def test_some_of_the_data_is_not_comparable(folder):
    results = read_results(folder.path)
    fewer = results.experiments[0].experiment.but(split=Split(train_per_class=20))
    some = replace(results, experiments=(replace(results.experiments[0], experiment=fewer),),
                   study={**results.study, "published_data": "shapes"})  # fmt: skip
    assert not some.comparable
    assert "measured on all of shapes and are not comparable" in some.caution


def test_a_reduced_form_lists_its_reductions_and_is_not_comparable(folder):
    results = read_results(folder.path)
    full = replace(results, study={**results.study, "published_data": "shapes"})
    assert full.comparable
    some = replace(full, study={**full.study, "reductions": ["8 epochs instead of 50", "resnet18 instead of resnet50"]})
    assert not some.comparable
    assert some.caution == (
        "The study was reduced: 8 epochs instead of 50; resnet18 instead of resnet50. "
        "The published figures are not comparable."
    )


def test_the_best_experiment_is_chosen_on_the_validation_set(folder):
    assert read_results(folder.path).chosen.name == "second"


def test_a_folder_without_a_study(tmp_path):
    with pytest.raises(FolderError, match=r"study\.json is missing"):
        read_results(tmp_path)


def test_a_study_without_a_run(tmp_path):
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("small", "S", "Why?", {"first": Experiment()}))
    with pytest.raises(FolderError, match=r"holds no finished run\. Run the study 'small' first\."):
        read_results(folder.path)


def test_a_damaged_run_is_named(folder, study):
    run = folder.run("first", study.experiments["first"].identity, 1)
    (run.path / "metrics.json").write_text("{")
    with pytest.raises(FolderError, match=r"metrics\.json was changed after the end of the run"):
        read_results(folder.path)
