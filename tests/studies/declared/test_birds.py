"""The study of the birds, and `kerasclf train`, whose experiments are made alike."""

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig, models
from kerasclf.data.splits import Split
from kerasclf.errors import KerasclfError
from kerasclf.models.weights import pretrained
from kerasclf.runs.plan import PlanRequest, make_plan
from kerasclf.studies import declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.single_experiment import single_experiment_study
from kerasclf.studies.study_options import StudyOptions
from kerasclf.transfer import Transfer


def test_the_sound_study_trains_a_head_first_and_keeps_batch_norm():
    study = declare("birds")
    assert list(study.experiments) == ["features", "fine_tune_all", "head_then_stage5", "head_then_last15",
                                       "head_then_last22", "head_then_last30"]  # fmt: skip
    for name, experiment in study.experiments.items():
        assert experiment.transfer.freezes_batch_norm
        assert [phase.unfreeze for phase in experiment.earlier_phases] == ([] if name == "features" else ["head"])
    assert study.experiments["features"].epochs == 40


def test_the_published_study_trains_all_at_once_and_batch_norm_with_it():
    tuned = declare("birds", "published").experiments["fine_tune_all"]
    assert tuned.earlier_phases == ()
    assert tuned.train.learning_rate is None
    assert not tuned.transfer.freezes_batch_norm


def test_weights_epochs_and_cache_can_be_asked_for():
    study = declare(
        "birds", options=StudyOptions(weights="none", cache="off", data="birds:/photos", limits=Reduction(epochs=2))
    )
    for experiment in study.experiments.values():
        assert experiment.transfer.weights == "none"
        assert experiment.transfer.cache == "off"
        assert all(phase.epochs == 2 for phase in experiment.phases)
        assert experiment.image_size == (224, 224)
    with pytest.raises(KerasclfError, match="basenet, which has no pretrained weights"):
        declare("basenet", options=StudyOptions(weights="imagenet"))
    with pytest.raises(KerasclfError, match="epochs: expected at least 1"):
        declare("birds", options=StudyOptions(limits=Reduction(epochs=0)))


def test_phases_travel_as_json():
    experiment = declare("birds").experiments["head_then_stage5"]
    again = Experiment.from_dict(experiment.to_dict())
    assert again == experiment
    assert again.identity == experiment.identity
    assert isinstance(again.earlier_phases[0], TrainConfig)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"train": TrainConfig(unfreeze="head")}, "unfreeze: expected a transfer"),
        ({"earlier_phases": (TrainConfig(precision="auto"),)}, "expected the same precision in every phase"),
        ({"transfer": Transfer(views=2)}, "views: expected an augmentation that changes images"),
        (
            {"transfer": Transfer(views=2), "augmentation": Augmentation(horizontal_flip=True, mix_up=0.2)},
            "mix_up and cut_mix mix images anew",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(fields, message):
    with pytest.raises(KerasclfError, match=message):
        Experiment(**fields)


def test_a_cut_of_no_known_form_is_refused_before_anything_else():
    with pytest.raises(KerasclfError, match=r"Received: 'stag5'\. Did you mean 'stage5'\?"):
        TrainConfig(unfreeze="stag5")


def plan(**fields):
    experiment = Experiment(data="shapes", model="mobilenet_v2", image_size=(32, 32), **fields)
    return make_plan(PlanRequest({"one": experiment}), lambda line: None)


def test_a_backbone_is_never_trained_from_random_weights_unawares():
    with pytest.raises(KerasclfError, match=r"one: mobilenet_v2 needs a transfer, so that nothing is trained"):
        plan()


def test_a_cut_that_the_network_does_not_have_is_found_before_training():
    with pytest.raises(KerasclfError, match=r"mobilenet_v2 has no stage 40\. Stages: stage1, stage2"):
        plan(transfer=Transfer(weights="none"), train=TrainConfig(unfreeze="stage40"))


def test_a_missing_weights_file_is_found_before_images_are_read():
    told = []
    experiment = Experiment(data="shapes", model="mobilenet_v2", transfer=Transfer(weights="/nowhere/w.keras"))
    with pytest.raises(KerasclfError, match=r"/nowhere/w\.keras', which does not exist"):
        make_plan(PlanRequest({"one": experiment}), told.append)
    assert told == []


def test_a_wrong_path_is_told_before_weights_are_fetched():
    experiment = Experiment(data="folder:/nowhere/photos", model="mobilenet_v2", transfer=Transfer("imagenet"))
    with pytest.raises(KerasclfError, match=r"^The folder /nowhere/photos does not exist"):
        make_plan(PlanRequest({"one": experiment}), pytest.fail)


@pytest.mark.slow
def test_a_plan_reads_weights_once(monkeypatch):
    read = []
    found = pretrained.by_layer(models.build("squeezenet1_1", (64, 64, 3), 10, {"head": ()}))
    monkeypatch.setattr(pretrained, "_read", lambda path, architecture: read.append(path) or found)
    one = Experiment(
        data="shapes", model="squeezenet1_1", model_args={"head": ()}, image_size=(64, 64),
        transfer=Transfer("w.keras", engine="tensorflow"), train=TrainConfig(epochs=1, unfreeze="last2"),
    )  # fmt: skip
    small = one.but(split=Split(train_per_class=10, test_per_class=2))
    other = small.but(train=small.train.but(unfreeze="last4"))
    plan = make_plan(PlanRequest({"one": small, "other": other}, measure=("one", "other")), lambda line: None)
    assert len(read) == 1
    assert set(plan.costs) == {"one", "other"}


def test_a_users_own_study_has_one_experiment():
    experiment = Experiment(data="folder:x", transfer=Transfer(), train=TrainConfig(unfreeze="from:conv_1"))
    study = single_experiment_study(experiment, StudyOptions(repeats=3, seed=4))
    assert list(study.experiments) == ["basenet_from-conv_1"]
    assert study.seeds == (4, 5, 6)
