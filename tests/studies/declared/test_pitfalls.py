"""The study of the flaws: each flaw stands alone, and the quick size runs."""

import pytest

from kerasclf.cli import main
from kerasclf.flaws import FLAWS
from kerasclf.report.changes import changes_between
from kerasclf.studies import declare

SETTINGS = {
    "augment_validation": ("augment_validation", "false", "true"),
    "double_rescaling": ("augmentation.rescale", "null", "0.00392157"),
}


def test_each_flaw_has_a_lesson_and_is_the_only_change():
    study = declare("pitfalls")
    assert {*study.lessons} == {*FLAWS, *SETTINGS}
    assert {*study.experiments} == {*study.lessons, "sound", "transfer"}
    for name, lesson in study.lessons.items():
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
    assert "of 10 flaws" in page
    assert "started from random weights" in page
    assert "--weights none" in page
