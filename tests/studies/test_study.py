"""Studies as values: their checks, and the choice of experiments."""

import pytest

from kerasclf import Experiment
from kerasclf.errors import KerasclfError
from kerasclf.studies import Published, Study, declare
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_options import StudyOptions, reduce_study


def test_only_takes_known_names_in_the_order_of_the_study():
    study = declare("ladder")
    assert list(study.only(("deeper", "base"))) == ["base", "deeper"]
    with pytest.raises(KerasclfError, match=r"Unknown experiment 'deepr'\. Did you mean 'deeper'\?"):
        study.only(("deepr",))


def test_all_errors_of_a_study_are_reported_at_once():
    with pytest.raises(KerasclfError) as caught:
        Study("x", "X", "Why?", {"../a": Experiment()}, {"b": Published(0.5)}, protocol="odd", seeds=(-1, -1))
    assert str(caught.value).count("\n  - ") == 5


def test_a_lesson_names_experiments_of_its_study():
    with pytest.raises(KerasclfError, match=r"Unknown experiment of a lesson 'sond'\. Did you mean 'sound'\?"):
        Study("x", "X", "Why?", {"sound": Experiment()}, lessons={"sound": Lesson("sond", "Wrong.", "So.")})


def test_a_flaw_of_the_report_needs_no_experiment_of_its_name():
    lesson = Lesson("sound", "Wrong.", "So.", metric="best_validation_accuracy")
    study = Study("x", "X", "Why?", {"sound": Experiment()}, lessons={"best": lesson})
    assert reduce_study(study, StudyOptions(size="quick")).lessons == {"best": lesson}
    with pytest.raises(KerasclfError, match="Unknown experiment of a lesson 'best'"):
        Study("x", "X", "Why?", {"sound": Experiment()}, lessons={"best": lesson.but(metric="test_accuracy")})
