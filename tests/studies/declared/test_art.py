"""S3 as declared."""

import pytest

from kerasclf.data import default_dataset
from kerasclf.errors import KerasclfError
from kerasclf.studies import declare
from kerasclf.studies.study_options import StudyOptions


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


def test_other_networks_are_compared_and_the_first_takes_the_part_of_resnet50():
    names = ("mobilenet_v2", "resnet18", "squeezenet1_1")
    study = declare("art", options=StudyOptions(backbones=names))
    assert list(study.experiments)[:6] == [*names, "last15", "last22", "last30"]
    assert [study.experiments[name].model for name in names] == list(names)
    assert {e.model for name, e in study.experiments.items() if name not in names} == {"mobilenet_v2"}
    assert study.compare[:3] == (
        ("resnet18", "mobilenet_v2"), ("squeezenet1_1", "mobilenet_v2"), ("last15", "mobilenet_v2"),
    )  # fmt: skip
    assert len(study.experiments) == len(declare("art").experiments) - 1
    assert study.backbones == names
    assert study.own_backbones == ("resnet18", "resnet34", "resnet50", "squeezenet1_1")


@pytest.mark.parametrize("size", ["reduced", "quick"])
def test_smaller_sizes_keep_the_networks_of_the_user(size):
    study = declare("art", options=StudyOptions(backbones=("resnet50", "resnet18"), size=size))
    assert {e.model for e in study.experiments.values()} == {"resnet50", *(["resnet18"] if size == "quick" else [])}


def test_a_network_without_the_depths_is_refused_or_has_fewer():
    with pytest.raises(KerasclfError, match=r"backbones: the study art trains the last 15 .* vgg11 has fewer"):
        declare("art", options=StudyOptions(backbones=("vgg11",)))
    study = declare("art", options=StudyOptions(backbones=("resnet18",)))
    assert {"last22", "last30"}.isdisjoint(study.experiments)


def test_it_needs_a_folder_of_the_user():
    choice = default_dataset("folder")
    assert choice.spec == "shapes"
    assert "for example folder:PATH" in choice.notice
