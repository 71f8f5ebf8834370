"""S3 as declared."""

from kerasclf.data import default_dataset
from kerasclf.studies import declare


def test_depths_and_schedules_differ_in_nothing_else():
    study = declare("art")
    for cut in ("last15", "last22", "last30"):
        assert study.experiments[cut] == study.experiments["resnet50"].but(
            train=study.experiments["resnet50"].train.but(unfreeze=cut)
        )
    rates = {name: study.experiments[name].train.learning_rate for name in ("fixed", "step", "cosine", "dropout")}
    assert rates == {"fixed": 0.005, "step": 0.01, "cosine": 0.01, "dropout": 0.001}
    assert study.experiments["cosine"].train.schedule.name == "cosine_epoch"
    assert all(experiment.split.validation == 0.15 for experiment in study.experiments.values())


def test_it_needs_a_folder_of_the_user():
    choice = default_dataset("folder")
    assert choice.spec == "shapes"
    assert "for example folder:PATH" in choice.notice
