"""The study behind `kerasclf train`."""

import pytest

from kerasclf import Experiment, TrainConfig
from kerasclf.studies.single_experiment import single_experiment_study
from kerasclf.studies.study_options import StudyOptions
from kerasclf.transfer import Transfer


def study_of(unfreeze, options=None):
    experiment = Experiment(data="folder:x", transfer=Transfer(), train=TrainConfig(unfreeze=unfreeze))
    return single_experiment_study(experiment, options)


def test_it_has_one_experiment():
    study = study_of("from:conv_1", StudyOptions(repeats=3, seed=4))
    assert list(study.experiments) == ["basenet_from-conv_1"]
    assert study.seeds == (4, 5, 6)


@pytest.mark.parametrize(
    ("unfreeze", "trained"),
    [
        ("head", "a new head is"),
        ("all", "the whole network is"),
        ("stage5", "it from stage5 on is"),
        ("last2", "last2 is"),
    ],
)
def test_its_question_says_what_trains(unfreeze, trained):
    assert study_of(unfreeze).question == f"How well does basenet classify these images if {trained} trained?"
