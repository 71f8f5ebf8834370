"""The folder of a study: who may use it, and what its errors say."""

from dataclasses import replace

import pytest

from kerasclf import Experiment, Split, Study
from kerasclf.errors import FolderError
from kerasclf.studies.study_folder import StudyFolder

BASE = Experiment(split=Split(train_per_class=10))
STUDY = Study("small", "Small", "Why?", {"base": BASE})


@pytest.fixture
def folder(tmp_path):
    folder = StudyFolder(tmp_path / "out")
    folder.claim(STUDY)
    return folder


def test_a_free_folder_holds_nothing(tmp_path):
    (tmp_path / ".lock").touch()
    assert StudyFolder(tmp_path).check(STUDY) is None
    assert StudyFolder(tmp_path / "new").check(STUDY) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "other"}, "holds the study 'small' with name 'small', not 'other'"),
        ({"protocol": "published"}, "with protocol 'sound', not 'published'"),
        ({"size": "quick"}, "with size 'full', not 'quick'"),
        ({"experiments": {"base": BASE.but(split=Split(train_per_class=8))}}, "train_per_class=10"),
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


def test_experiments_and_seeds_of_earlier_calls_stay(folder):
    folder.claim(replace(STUDY, experiments={"other": BASE.but(model="mlp")}, seeds=(4,)))
    held = folder.read()
    assert list(held["experiments"]) == ["base", "other"]
    assert held["seeds"] == [0, 4]


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "holds no study"), ("{", "study.json cannot be read"), ("{}", "cannot be read: 'experiments' is missing")],
)
def test_a_study_that_cannot_be_read_is_named(tmp_path, content, message):
    if content is not None:
        (tmp_path / "study.json").write_text(content)
    with pytest.raises(FolderError, match=message):
        StudyFolder(tmp_path).read()
