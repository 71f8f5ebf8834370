"""The folder of a study: who may use it, and what its errors say."""

from dataclasses import replace

import pytest

from kerasclf import Experiment, Split, Study
from kerasclf.errors import FolderError
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.report import read_results
from kerasclf.report.summary import summarise
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import write_run

BASE = Experiment(split=Split(train_per_class=10))
STUDY = Study("small", "Small", "Why?", {"base": BASE})


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path / "out")
    folder.claim(STUDY)
    return folder


def test_a_free_folder_holds_nothing(tmp_path):
    (tmp_path / ".lock").touch()
    (tmp_path / ".partial-abcdefgh-study.json").touch()  # left by a process that was killed
    assert StudyFolder(tmp_path).check(STUDY) is None
    assert StudyFolder(tmp_path / "new").check(STUDY) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "holds the study 'small' with name 'small', not 'other'"),
        ({"backbones": ("vgg16", "vgg19")}, "the pretrained networks the study's own, not with vgg16 and vgg19"),
        ({"protocol": "published"}, "with protocol 'sound', not 'published'"),
        ({"size": "quick"}, "with size 'full', not 'quick'"),
        ({"experiments": {"base": BASE.but(split=Split(train_per_class=8))}}, "train_per_class=10"),
        ({"experiments": {"base": BASE.but(fit="crop")}}, "fit=crop"),
    ],
)
def test_another_study_is_refused_and_changes_nothing(folder, changes, message):
    before = (folder.path / "study.json").read_bytes()
    with pytest.raises(FolderError) as caught:
        folder.claim(replace(STUDY, **changes))
    assert message in str(caught.value)
    assert str(caught.value).endswith("Give another folder as `out`. Nothing was changed.")
    assert (folder.path / "study.json").read_bytes() == before


def test_other_files_are_not_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(FolderError, match=r"is not empty and holds no study\. Give a new folder as `out`"):
        StudyFolder(tmp_path).check(STUDY)
    with pytest.raises(FolderError, match=r"Expected a folder\. Received the file .*thesis\.tex"):
        StudyFolder(tmp_path / "thesis.tex").check(STUDY)


@pytest.mark.parametrize(
    "later",
    [
        {"seeds": (0,)},
        {"experiments": {"other": BASE.but(model="mlp")}},
        {"experiments": {"third": BASE.but(model="nin")}},
    ],
    ids=["fewer repeats", "one experiment removed", "only another experiment"],
)
def test_every_finished_run_stays_in_the_report(tmp_path, later):
    folder, experiments = StudyFolder(tmp_path), {"base": BASE, "other": BASE.but(model="mlp")}
    study = replace(STUDY, experiments=experiments, seeds=(0, 1, 2))
    folder.claim(study)
    for name, experiment in experiments.items():
        for seed in study.seeds:
            write_run(folder, name, experiment, seed, 0.5)
    folder.claim(replace(study, **later))
    results = read_results(tmp_path)
    shown = {(experiment.name, run.seed) for experiment in results.experiments for run in experiment.runs}
    assert shown == {(name, seed) for name in experiments for seed in study.seeds}
    table = summarise(results)
    assert dict(zip(table["experiment"], table["runs"], strict=True)) == {"base": 3, "other": 3}


def test_experiments_and_seeds_of_earlier_calls_stay(folder):
    folder.claim(replace(STUDY, experiments={"other": BASE.but(model="mlp")}, seeds=(4,)))
    held = folder.read()
    assert list(held["experiments"]) == ["base", "other"]
    assert held["seeds"] == [0, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds no study"), ("{", "study.json cannot be read"), ("{}", "'experiments' is missing")],
)
def test_a_study_that_cannot_be_read_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "study.json").write_text(content)
    with pytest.raises(FolderError, match=message):
        StudyFolder(tmp_path).read()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"experiments": []}, "cannot be read"),
        ({"experiments": {"../../x": BASE.to_dict()}}, "expected names of letters"),
        ({"experiments": {"base": {"bogus": 1}}}, "Unknown Experiment field 'bogus'"),
        ({"published": None}, "cannot be read"),
        ({"published": {"base": {"accuracy": "high"}}}, "accuracy: expected float. Received: 'high'"),
        ({"lessons": {"base": {"bogus": 1}}}, "Unknown Lesson field 'bogus'"),
        ({"title": 3}, "title: expected text. Received: 3"),
        ({"size": "tiny"}, "Unknown size 'tiny'"),
        ({"protocol": "odd"}, "Unknown protocol 'odd'"),
        ({"seeds": ["0"]}, "seeds[0]: expected an integer. Received: '0'"),
        ({"reductions": None}, "reductions: expected a list. Received: None"),
        ({"seeds": [0, 0]}, "expected one or more different seeds"),
        ({"seeds": list(range(100_001))}, "seeds: expected at most 100,000 runs"),
        ({"experiments": {"x" * 201: BASE.to_dict()}}, "expected names of at most 200 bytes"),
        ({"experiments": {"nul.x": BASE.to_dict()}}, "expected names that are no devices of Windows"),
        ({"published": {"other": {"accuracy": 0.5}}}, "Unknown published experiment 'other'"),
        ({"published": {"base": {"accuracy": 1.5}}}, "accuracy: expected a share from 0 to 1"),
        ({"published": {"base": {}}}, "accuracy: expected a value"),
        ({"published_image_size": [1]}, "published_image_size: expected two sizes"),
        ({"lessons": {"base": {"corrected": "x", "wrong": "", "symptom": ""}}}, "Unknown experiment of a lesson 'x'"),
        ({"quick": True}, "an older version of kerasclf wrote it. Run the study again in a new folder"),
    ],
)
def test_a_file_of_a_stranger_is_refused_by_name(folder, changes, message):
    file = folder.path / "study.json"
    write_json(file, {**read_json(file), **changes})
    with pytest.raises(FolderError) as caught:
        folder.read()
    assert str(caught.value).startswith(f"{file} cannot be read: ")
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["title", "question", "size", "reductions"])
def test_a_missing_key_is_named(folder, key):
    held = read_json(folder.path / "study.json")
    del held[key]
    write_json(folder.path / "study.json", held)
    with pytest.raises(FolderError, match=f"'{key}' is missing"):
        folder.read()


@pytest.mark.parametrize("content", ["[]", "null", "3", "{", '"text"'])
def test_other_json_is_refused(folder, content):
    (folder.path / "study.json").write_text(content)
    with pytest.raises(FolderError, match="cannot be read"):
        folder.read()
