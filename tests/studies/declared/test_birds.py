"""S1c as declared."""

import pytest

from kerasclf import TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.studies import declare


def test_the_sound_study_trains_a_head_first_and_keeps_batch_norm():
    study = declare("birds")
    assert list(study.experiments) == ["features", "fine_tune_all", "head_then_stage5", "head_then_last15",
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


def test_an_unknown_form_of_unfreeze_is_refused():
    with pytest.raises(KerasclfError, match=r"Received: 'stag5'\. Did you mean 'stage5'\?"):
        TrainConfig(unfreeze="stag5")
