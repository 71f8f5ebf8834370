"""The study of the flaws: declared so that each flaw stands alone, and run in its quick form."""

import pytest

from kerasclf import Augmentation, Experiment, Study
from kerasclf.cli import main
from kerasclf.errors import DataError, KerasclfError
from kerasclf.flaws import FLAWS
from kerasclf.report.changes import changes_between
from kerasclf.runs.plan import PlanRequest, make_plan
from kerasclf.studies import declare
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_options import StudyOptions

SETTINGS = {
    "augment_validation": ("augment_validation", "false", "true"),
    "double_rescaling": ("augmentation.rescale", "null", "0.00392157"),
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))


def test_every_flaw_has_a_lesson_and_differs_from_the_corrected_experiment_by_itself_alone():
    study = declare("pitfalls")
    assert {*study.lessons} == {*FLAWS, *SETTINGS}
    assert {*study.experiments} == {*study.lessons, "sound", "transfer"}
    for name, lesson in study.lessons.items():
        changed = changes_between(study.experiments[lesson.corrected], study.experiments[name])
        assert changed == [SETTINGS.get(name, ("flaws", "–", f'["{name}"]'))]
        assert lesson.wrong.endswith(".")
        assert lesson.symptom.endswith(".")


def test_sound_experiments_have_the_hashes_that_committed_reports_name():
    assert declare("ladder").experiments["base"].identity == "2e73cdf9"
    assert declare("birds").experiments["features"].identity == "12a1ca70"
    assert "flaws" not in Experiment().to_dict()


def test_an_experiment_with_a_flaw_is_another_one_and_travels_as_json():
    flawed = Experiment(flaws=("softmax_twice",))
    assert flawed.identity != Experiment().identity
    assert Experiment.from_dict(flawed.to_dict()) == flawed
    assert flawed.but(flaws=()).identity == Experiment().identity


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"flaws": ("softmax_twise",)}, r"Unknown flaw 'softmax_twise'\. Did you mean 'softmax_twice'\?"),
        ({"flaws": ("unshuffled", "unshuffled")}, "flaws: expected each once"),
        ({"flaws": ("statistics_of_all",)}, "statistics_of_all: expected an augmentation that is featurewise"),
        ({"flaws": ("batch_norm_learns",)}, "batch_norm_learns: expected a transfer"),
        ({"flaws": "unshuffled"}, "flaws: expected"),
    ],
)
def test_flaws_that_cannot_be_made_are_refused(fields, message):
    with pytest.raises(KerasclfError, match=message):
        Experiment(**fields)


def test_a_lesson_names_experiments_of_its_study():
    with pytest.raises(KerasclfError, match=r"Unknown experiment of a lesson 'sond'\. Did you mean 'sound'\?"):
        Study("x", "X", "Why?", {"sound": Experiment()}, lessons={"sound": Lesson("sond", "Wrong.", "So.")})


def test_weights_reach_the_pretrained_experiments_alone():
    given = declare("pitfalls", options=StudyOptions(weights="a.keras")).experiments
    assert given["transfer"].transfer.weights == given["swapped_channels"].transfer.weights == "a.keras"
    assert given["sound"].transfer is None
    assert declare("pitfalls").experiments["transfer"].transfer.weights == "imagenet"
    assert declare("pitfalls", options=StudyOptions(size="quick")).experiments["transfer"].transfer.weights == "none"
    assert (
        declare("pitfalls", options=StudyOptions(size="quick", weights="a.keras"))
        .experiments["transfer"]
        .transfer.weights
        == "a.keras"
    )


def test_grey_images_are_refused_before_anything_runs(tmp_path):
    from PIL import Image

    for name in ("a", "b"):
        (tmp_path / "grey" / name).mkdir(parents=True)
        for i in range(10):
            Image.new("L", (32, 32), 20 * i).save(tmp_path / "grey" / name / f"{i}.png")
    colours = Experiment(data=f"folder:{tmp_path / 'grey'}", augmentation=Augmentation(rescale=1 / 255))
    swapped = colours.but(flaws=("swapped_channels",))
    with pytest.raises(DataError, match="swapped_channels: expected images of three channels"):
        make_plan(PlanRequest({"sound": colours, "swapped": swapped}), lambda line: None)


def test_a_plan_loads_the_images_once_and_knows_who_sees_others():
    told = []
    quick = declare("pitfalls", options=StudyOptions(data="shapes", size="quick")).experiments
    small = {name: experiment for name, experiment in quick.items() if experiment.transfer is None}
    plan = make_plan(PlanRequest(small), told.append)
    assert len(told) == 1
    others = {name for name, found in plan.data_of.items() if found != plan.data_of["sound"]}
    assert others == {"choose_on_test", "sorted_split", "unshuffled", "duplicates"}
    assert len(plan.manifests) == 5


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["sound", "published"])
def test_the_whole_study_runs_in_its_quick_form(protocol, tmp_path, capsys):
    out = tmp_path / "out"
    main(["study", "pitfalls", "--data", "shapes", "--quick", "--protocol", protocol, "--out", str(out),
          "--engine", "inline"])  # fmt: skip
    assert "(batch normalisation learns in the frozen part: a flaw)" in capsys.readouterr().out
    page = (out / "report" / "index.html").read_text()
    assert "of 10 flaws" in page
    assert "started from random weights" in page
    assert "--weights none" in page
