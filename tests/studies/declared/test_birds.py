"""S1c as declared."""

import pytest

from kerasclf import TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.runs.planning.early_checks import check_early
from kerasclf.studies import declare
from kerasclf.studies.study_options import StudyOptions


def test_the_sound_study_trains_a_head_first_and_keeps_batch_norm():
    study = declare("birds")
    assert list(study.experiments) == ["features", "fine_tune_all", "head_then_last_stage", "head_then_last15",
                                       "head_then_last22", "head_then_last30"]  # fmt: skip
    for name, experiment in study.experiments.items():
        assert experiment.transfer.freezes_batch_norm
        assert [phase.unfreeze for phase in experiment.earlier_phases] == ([] if name == "features" else ["head"])
    assert study.experiments["features"].epochs == 40


def test_the_published_study_trains_everything_at_once_including_batch_norm():
    tuned = declare("birds", "published").experiments["fine_tune_all"]
    assert tuned.earlier_phases == ()
    assert tuned.train.learning_rate is None
    assert not tuned.transfer.freezes_batch_norm


def test_another_network_is_named_and_keeps_the_depths_that_it_has():
    study = declare("birds", options=StudyOptions(backbones=("squeezenet1_1",)))
    assert {experiment.model for experiment in study.experiments.values()} == {"squeezenet1_1"}
    assert list(study.experiments)[2:] == ["head_then_last_stage", "head_then_last15", "head_then_last22"]
    assert "head_then_last30 is left out, because squeezenet1_1 has fewer convolutional layers." in study.notes
    assert study.title == "squeezenet1_1 and the birds: how much of it to train?"
    assert "ResNet50" not in study.question
    assert study.published == declare("birds").published
    assert (study.backbones, study.own_backbones) == (("squeezenet1_1",), ("keras_resnet50",))


def test_a_network_without_feature_maps_has_no_experiment_with_its_last_stage():
    study = declare("birds", options=StudyOptions(backbones=("mlp",), weights="none", data="shapes"))
    assert list(study.experiments) == ["features", "fine_tune_all"]
    assert "head_then_last_stage is left out, because mlp has no convolutional layers." in study.notes
    assert "head_then_last15 is left out, because mlp has fewer convolutional layers." in study.notes
    check_early(study.experiments)


def test_an_unknown_form_of_unfreeze_is_refused():
    with pytest.raises(KerasclfError, match=r"Received: 'stag5'\. Did you mean 'stage5'\?"):
        TrainConfig(unfreeze="stag5")
