"""S4, exercises 4 to 12, as declared."""

from kerasclf.data import load_dataset
from kerasclf.studies import STUDIES, declare
from kerasclf.studies.study_options import StudyOptions


def test_the_folds_validate_each_image_once():
    folds = declare("course-folds", options=StudyOptions(data="digits", size="quick")).experiments.values()
    datasets = [load_dataset("digits", split=experiment.split) for experiment in folds]
    validating = [name for dataset in datasets for name in dataset.validation.names]
    assert len(validating) == len(set(validating)) == 400


def test_the_sound_course_has_no_flaws():
    names = [name for name in STUDIES if name.startswith("course-")]
    assert not any(experiment.flaws for name in names for experiment in declare(name).experiments.values())
