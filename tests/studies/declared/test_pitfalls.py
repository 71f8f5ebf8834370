"""The study of the flaws: each flaw stands alone, and the quick size runs."""

import numpy as np
import pytest

from kerasclf.cli import main
from kerasclf.data.leaks import leaked_test_images
from kerasclf.flaws import FLAWS
from kerasclf.report import read_results
from kerasclf.report.changes import changes_between
from kerasclf.report.lessons import lessons_of
from kerasclf.studies import declare

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
