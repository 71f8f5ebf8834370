"""The results of a study are read from its folder, with the limits of what they show."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Experiment, Split, Study
from kerasclf.errors import FolderError
from kerasclf.files.reading import file_digest, read_json
from kerasclf.files.writing import write_json
from kerasclf.report import read_results
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.experiment_intervals import selection_bias_of
from kerasclf.report.study_notes import caution
from kerasclf.runs.run_folder import DESCRIPTION
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
    assert caution(same) == ""
    assert "This is the quick size" in caution(replace(same, study={**same.study, "size": "quick"}))


def test_cropped_images_are_not_comparable(folder):
    results = read_results(folder.path)
    cropped = tuple(replace(e, experiment=e.experiment.but(fit="crop")) for e in results.experiments)
    published = {**results.study, "published_data": "shapes", "published": {"first": {}}}
    other = replace(results, study=published, experiments=cropped)
    assert not other.comparable
    assert caution(other) == (
        "The images keep their aspect ratio (fit crop), unlike those of the study. The published figures are not "
        "comparable."
    )


def test_other_data_is_not_comparable(folder):
    results = read_results(folder.path)
    assert not results.comparable
    assert caution(results) == (
        "The results are measured on shapes (drawn). The published figures were measured on cifar100:25 and are not "
        "comparable."
    )


@pytest.mark.parametrize("size", ["full", "quick"])
def test_other_networks_are_named_and_are_not_comparable(folder, size):
    results = read_results(folder.path)
    networks = {"backbones": ["mobilenet_v2", "vgg16"], "own_backbones": ["resnet50"]}
    study = {**results.study, "published_data": "shapes", "size": size, **networks}
    other = replace(results, study=study)
    assert not other.comparable
    assert "The study ran with the pretrained mobilenet_v2 and vgg16 instead of its own resnet50." in caution(other)
    assert ("The published figures are not comparable." in caution(other)) == (size == "full")


def test_some_of_the_data_is_not_comparable(folder):
    results = read_results(folder.path)
    fewer = results.experiments[0].experiment.but(split=Split(train_per_class=20))
    some = replace(results, experiments=(replace(results.experiments[0], experiment=fewer),),
                   study={**results.study, "published_data": "shapes"})  # fmt: skip
    assert not some.comparable
    assert "measured on all of shapes and are not comparable" in caution(some)


def test_a_reduced_form_lists_its_reductions_and_is_not_comparable(folder):
    results = read_results(folder.path)
    full = replace(results, study={**results.study, "published_data": "shapes"})
    assert full.comparable
    some = replace(full, study={**full.study, "reductions": ["8 epochs instead of 50", "resnet18 instead of resnet50"]})
    assert not some.comparable
    assert caution(some) == (
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


def test_a_failed_run_is_named_with_its_reason(folder, study):
    experiment = study.experiments["second"]
    run = folder.run("second", experiment.identity, 1)
    shutil.rmtree(run.path)
    run.partial.mkdir()
    run.note_failure("The loss is nan in epoch 3.")
    note = "The run of second with seed 1 failed and counts in no result. The loss is nan in epoch 3."
    assert caution(read_results(folder.path)).endswith(f"1 is not finished: 1 run of second. {note}")


def test_a_damaged_run_is_named(folder, study):
    run = folder.run("first", study.experiments["first"].identity, 1)
    (run.path / "metrics.json").write_text("{")
    with pytest.raises(FolderError, match=r"metrics\.json was changed after the end of the run"):
        read_results(folder.path)


def changed(folder, study, name, change):
    """Changes a file of the first run as a stranger would: with its digest in experiment.json."""
    run = folder.run("first", study.experiments["first"].identity, 0).path
    path = run / name
    if name.endswith(".json"):
        write_json(path, change(read_json(path)))
    else:
        path.write_text(change(path.read_text()))
    description = read_json(run / DESCRIPTION)
    if name != DESCRIPTION and isinstance(description, dict):
        description["files"][name] = file_digest(path)
        write_json(run / DESCRIPTION, description)


def with_label(label):
    return lambda text: text.replace("\n0,0,", f"\n0,{label},", 1)


def with_leaked(indices):
    return lambda d: {**d, "data": {**d["data"], "leaked_test_images": indices}}


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("metrics.json", lambda m: {**m, "test_loss": "low"}, "test_loss: expected a finite number. Received: 'low'"),
        ("metrics.json", lambda m: {**m, "test_loss": float("nan")}, "test_loss: expected a finite number"),
        ("metrics.json", lambda m: {**m, "test_accuracy": 3}, "'test_accuracy': expected a share from 0 to 1"),
        ("metrics.json", lambda m: {}, "test_accuracy is missing"),
        ("metrics.json", lambda m: [], "expected an object"),
        ("history.csv", lambda text: text.replace("loss", "lost"), "loss is missing"),
        ("history.csv", lambda text: text.replace("\n2,", "\n7,"), "expected one row per epoch, numbered from 1"),
        ("history.csv", lambda text: text.replace("2.0", "low"), "history.csv cannot be read"),
        ("history.csv", lambda text: text.splitlines()[0] + "\n", "expected one row per epoch"),
        ("history.csv", lambda text: "", "history.csv cannot be read"),
        ("predictions.csv", with_label(-1), "expected labels from 0 to 2"),
        ("predictions.csv", with_label(99), "expected labels from 0 to 2"),
        ("predictions.csv", with_label(0.5), "expected labels from 0 to 2"),
        ("predictions.csv", lambda text: text.replace("0.800000012", "1.8", 1), "expected probabilities from 0 to 1"),
        ("predictions.csv", lambda text: text.replace("p_image", "p_other"), "p_CLASS of each class"),
        ("predictions.csv", lambda text: text.replace("\n1,", "\n1,1,1,", 1), "predictions.csv cannot be read"),
        ("environment.json", lambda e: {}, "'python' is missing"),
        ("environment.json", lambda e: {**e, "cores": "two"}, "cores: expected an integer"),
        ("experiment.json", lambda d: [], "expected an object"),
        ("experiment.json", lambda d: None, "expected an object"),
        ("experiment.json", lambda d: {**d, "class_names": 3}, "class_names: expected a list"),
        ("experiment.json", lambda d: {**d, "class_names": [1, 2, 3]}, "class_names[0]: expected text"),
        ("experiment.json", lambda d: {**d, "class_names": []}, "class_names: expected 1 to 10,000 classes"),
        ("experiment.json", lambda d: {**d, "view": []}, "view: expected an object"),
        ("experiment.json", lambda d: {**d, "data": {**d["data"], "manifest": "../../x"}}, "manifest: expected names"),
        ("experiment.json", with_leaked([30]), "it names leaked images that are not in the test set"),
        ("experiment.json", with_leaked([-1]), "it names leaked images that are not in the test set"),
        ("experiment.json", with_leaked(["a"]), "leaked_test_images[0]: expected an integer"),
        ("experiment.json", lambda d: {**d, "files": {"../x": "0"}}, "files: expected names. Received: '../x'"),
    ],
)
def test_a_run_of_a_stranger_is_refused_by_name(folder, study, name, change, message):
    changed(folder, study, name, change)
    with pytest.raises(FolderError) as caught:
        read_results(folder.path)
    assert message in str(caught.value)
    assert "first-" in str(caught.value)


def test_an_infinite_validation_loss_is_a_gap_in_a_curve(folder, study):
    changed(folder, study, "history.csv", lambda text: text.replace("2.1", "inf"))
    losses = read_results(folder.path).first_run.history["val_loss"]
    assert losses.isna().tolist() == [True, False]


def test_runs_of_one_experiment_have_the_same_classes(folder, study):
    changed(folder, study, "predictions.csv", lambda text: text.replace("p_image", "p_other"))
    changed(folder, study, "experiment.json", lambda d: {**d, "class_names": ["other", *d["class_names"][1:]]})
    with pytest.raises(FolderError, match="its runs have different classes"):
        read_results(folder.path)


def test_experiments_with_other_test_images_are_not_compared_image_by_image(folder, study):
    held = read_json(folder.path / "study.json")
    write_json(folder.path / "study.json", {**held, "seeds": [0]})
    changed(folder, study, "predictions.csv", lambda text: "\n".join(text.splitlines()[:-1]) + "\n")
    results = read_results(folder.path)
    (comparison,) = compare_contrasts(results)
    assert comparison.basis == "nothing"
    assert selection_bias_of(results) is None


def known_as(spec):
    return lambda description: {**description, "data": {**description["data"], "known_as": spec}}


def test_recognised_images_are_comparable_whatever_their_spec(folder, study):
    for spec, comparable in (("cifar100:25", True), ("cifar100", False), (None, False)):
        for seed in (0, 1):
            for name in ("first", "second"):
                path = folder.run(name, study.experiments[name].identity, seed).path / "experiment.json"
                write_json(path, known_as(spec)(read_json(path)))
        results = read_results(folder.path)
        assert results.first_run.experiment_data != "cifar100:25"
        assert results.comparable is comparable


def test_one_run_on_other_images_is_enough_not_to_be_comparable(folder, study):
    results = read_results(folder.path)
    assert replace(results, study={**results.study, "published_data": "shapes"}).comparable
    changed(folder, study, "experiment.json", known_as(None))
    results = read_results(folder.path)
    assert not replace(results, study={**results.study, "published_data": "shapes"}).comparable
