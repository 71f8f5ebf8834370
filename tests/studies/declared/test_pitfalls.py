"""The study of the flaws: each flaw stands alone, and the quick size runs."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf.cli import main
from kerasclf.data.leaks import leaked_test_images
from kerasclf.errors import KerasclfError
from kerasclf.flaws import FLAWS
from kerasclf.report import read_results
from kerasclf.report.changes import changes_between
from kerasclf.report.lessons import lessons_of
from kerasclf.runs.engines.local_engines import Inline
from kerasclf.studies import declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_options import StudyOptions
from kerasclf.studies.study_runner import plan_study

SETTINGS = {
    "augment_validation": ("augment_validation", "false", "true"),
    "double_rescaling": ("augmentation.rescale", "null", "0.00392157"),
    "choose_on_test": ("flaws", "–", '["choose_on_half"]'),
}
OF_REPORT = "report_best_validation"


def test_each_flaw_has_a_lesson_and_is_the_only_change():
    study = declare("pitfalls")
    assert {*study.lessons} == {*FLAWS, *SETTINGS, OF_REPORT} - {"choose_on_half"}
    assert {*study.experiments} == {*study.lessons, "sound", "transfer"} - {OF_REPORT}
    for name, lesson in study.lessons.items():
        if name == OF_REPORT:
            assert lesson.is_of_report
            continue
        changed = changes_between(study.experiments[lesson.corrected], study.experiments[name])
        assert changed == [SETTINGS.get(name, ("flaws", "–", f'["{name}"]'))]


def test_pretrained_experiments_see_larger_and_fewer_images_unless_the_user_decides():
    study, own = declare("pitfalls"), declare("pitfalls", options=StudyOptions(data="folder:mine"))
    for experiments, limits in ((study.experiments, (500, 200)), (own.experiments, (None, None))):
        for experiment in experiments.values():
            split = experiment.split.train_per_class, experiment.split.test_per_class
            pretrained = experiment.transfer is not None
            assert (experiment.image_size, split) == (((96, 96), limits) if pretrained else (None, (None, None)))
    given = declare("pitfalls", options=StudyOptions(limits=Reduction(image_size=(64, 64))))
    assert {experiment.image_size for experiment in given.experiments.values()} == {(64, 64)}


def test_a_network_without_batch_normalisation_lacks_one_flaw():
    own, study = (declare("pitfalls", options=StudyOptions(backbones=names)) for names in ((), ("squeezenet1_1",)))
    assert {*own.experiments} - {*study.experiments} == {*own.lessons} - {*study.lessons} == {"batch_norm_learns"}
    assert "batch_norm_learns is left out, because squeezenet1_1 has no batch normalisation." in study.notes


def test_the_plan_does_not_warn_of_a_flaw_that_is_a_lesson(tmp_path):
    study, lines = declare("pitfalls", options=StudyOptions(data="folder:/nowhere", weights="none")), []
    with pytest.raises(KerasclfError, match="/nowhere does not exist"):  # no image is read before the warnings
        plan_study(study, tmp_path, engine=Inline(), log=lines.append)
    assert lines == []
    without = replace(study, lessons={})
    with pytest.raises(KerasclfError, match="/nowhere does not exist"):
        plan_study(without, tmp_path, engine=Inline(), log=lines.append)
    assert lines[0].startswith("double_rescaling: the augmentation normalises pixels, and mobilenet_v2 normalises")


@pytest.mark.slow
@pytest.mark.parametrize("protocol", ["sound", "published"])
def test_the_whole_study_runs_in_its_quick_size(protocol, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    out = tmp_path / "out"
    main(["study", "pitfalls", "--data", "shapes", "--quick", "--protocol", protocol, "--out", str(out),
          "--engine", "inline"])  # fmt: skip
    assert "(batch normalisation learns in the frozen part: a flaw)" in capsys.readouterr().out
    page = (out / "report" / "index.html").read_text()
    assert "of 13 flaws" in page
    assert "It changes the mean of a channel by at most " in page
    results = read_results(out)
    runs = {e.name: e.runs[0] for e in results.experiments}
    labels = runs["sound"].labels
    for name, flaw in (
        ("choose_on_test", "choose_on_half"),
        ("duplicates", "duplicates"),
        ("group_leak", "group_leak"),
    ):
        np.testing.assert_array_equal(runs[name].leaked, leaked_test_images(labels, (flaw,), seed=0))
    # No maximum over the whole test set: the validation accuracy is that of the half that chooses.
    chosen = runs["choose_on_test"]
    assert chosen.metrics["validation_accuracy"] == pytest.approx(chosen.correct[chosen.leaked].mean())
    assert not runs["sound"].leaked.any()
    rows = [(one.name, one.metric_name) for one in lessons_of(results)]
    assert ("report_best_validation", "reported accuracy") in rows
    assert "nan" not in (out / "report" / "report.md").read_text()
    assert "started from random weights" in page
    assert "--weights none" in page
