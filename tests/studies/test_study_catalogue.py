"""The catalogue of studies: every study is declared, and every quick size can be built and runs in a test."""

from pathlib import Path

import pandas as pd
import pytest

from kerasclf.cli import main
from kerasclf.data.shapes import CLASS_NAMES, scenes
from kerasclf.data.splits import make_sets
from kerasclf.errors import KerasclfError
from kerasclf.runs.planning.plan import PlanRequest, make_plan
from kerasclf.studies import STUDIES, declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_options import StudyOptions

TESTS = Path(__file__).parents[1]
# Studies whose quick size `test_every_study_runs_in_its_quick_size` runs on shapes.
RUN_HERE = ("birds", "cifar10-dense", "cifar10-conv", "cifar10-resnet50", "cifar10-side", "art", "convnext")
COURSE = tuple(name for name in STUDIES if name.startswith("course-"))
# The tests that run the quick sizes of the other studies.
RUN_ELSEWHERE = {
    "basenet": ("commands/test_study.py", "test_every_study_runs_in_its_quick_form"),
    "ladder": ("commands/test_study.py", "test_every_study_runs_in_its_quick_form"),
    "pitfalls": ("studies/declared/test_pitfalls.py", "test_the_whole_study_runs_in_its_quick_size"),
    **dict.fromkeys(COURSE, ("commands/test_course.py", "test_the_whole_course_in_its_quick_size")),
}
WINE = "\n".join(["a,b,quality", *(f"{i % 7},{i % 5},{3 + i % 6}" for i in range(200))]) + "\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("protocol", ["sound", "published"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_declared_in_both_protocols(name, protocol):
    study = declare(name, protocol)
    assert study.protocol == protocol
    different = {experiment.identity for experiment in study.experiments.values()}
    assert len(different) == len([key for key in study.experiments if key != "again"])  # a repetition on purpose
    assert set(study.published) <= set(study.experiments)
    assert study.question.endswith("?")
    assert all(note.endswith(".") for note in study.notes)
    assert all(lesson.wrong.endswith(".") and lesson.symptom.endswith(".") for lesson in study.lessons.values())


@pytest.mark.parametrize("protocol", ["sound", "published"])
@pytest.mark.parametrize("name", STUDIES)
def test_every_quick_size_can_divide_the_synthetic_images(name, protocol):
    for experiment in declare(name, protocol, StudyOptions(size="quick")).experiments.values():
        sets = make_sets(scenes(), experiment.split, CLASS_NAMES)
        assert all(len(set(subset.labels)) == len(CLASS_NAMES) for subset in sets.values())


@pytest.mark.parametrize("name", STUDIES)
def test_every_quick_size_can_be_built(name, tmp_path):
    """The plan loads the data, builds the networks and finds the cuts, all without training."""
    data = {"course-wine": f"wine:{tmp_path / 'wine.csv'}", "course-perceptron": None, "course-iris": None}
    (tmp_path / "wine.csv").write_text(WINE)
    spec = data.get(name, "digits" if name in COURSE else "shapes")
    limits = Reduction(image_size=(32, 32) if name == "birds" else None)
    options = StudyOptions(data=spec, size="quick", limits=limits)
    experiments = {
        f"{protocol}/{key}": experiment
        for protocol in ("sound", "published")
        for key, experiment in declare(name, protocol, options).experiments.items()
    }
    plan = make_plan(PlanRequest(experiments), lambda line: None)
    assert set(plan.networks) == set(experiments)


def test_every_study_runs_in_some_test_of_its_quick_size():
    assert {*RUN_HERE, *RUN_ELSEWHERE} == {*STUDIES}
    for file, test in RUN_ELSEWHERE.values():
        assert f"\ndef {test}(" in (TESTS / file).read_text()


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["sound", "published"])
@pytest.mark.parametrize("name", RUN_HERE)
def test_every_study_runs_in_its_quick_size(name, protocol, tmp_path, capsys):
    out = tmp_path / "out"
    small = ["--image-size", "32x32", "--epochs", "1"] if name == "birds" else []
    main(["study", name, "--data", "shapes", "--quick", "--protocol", protocol, "--out", str(out),
          "--engine", "inline", *small])  # fmt: skip
    study = declare(name, protocol, StudyOptions(size="quick"))
    table = pd.read_csv(out / "report" / "summary.csv")
    assert table["experiment"].tolist() == list(study.experiments)
    assert not table["comparable"].any()
    page = (out / "report" / "index.html").read_text()
    assert "its results mean nothing" in page
    assert study.question.replace("'", "&#39;") in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "laddr"}, "Unknown study 'laddr'. Did you mean 'ladder'?"),
        ({"name": "ladder", "protocol": "honest"}, "Unknown protocol 'honest'"),
    ],
)
def test_bad_requests(arguments, message):
    with pytest.raises(KerasclfError) as caught:
        declare(**arguments)
    assert message in str(caught.value)


def test_the_changes_of_a_study_can_be_given_by_name():
    options = StudyOptions(data="digits", repeats=2, size="quick")
    assert declare("course-cnn", data="digits", repeats=2, size="quick") == declare("course-cnn", options=options)
    assert declare("course-cnn", options=options, repeats=3).seeds == (0, 1, 2)
    with pytest.raises(KerasclfError, match=r"Unknown StudyOptions field 'repeat'\. Did you mean 'repeats'"):
        declare("course-cnn", repeat=2)
