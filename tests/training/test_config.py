"""The checks of TrainConfig."""

import re

import pytest

from kerasclf import TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.transfer.settings import unfreeze_problem


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs: expected at least 1"),
        ({"batch_size": -1}, "batch_size: expected at least 1"),
        ({"learning_rate": 0.0}, "learning_rate: expected a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate: expected a number above 0"),
        ({"optimizer": "adm"}, "Unknown optimizer 'adm'. Did you mean 'adam'?"),
        ({"momentum": 0.9}, "momentum: optimizer 'adam' does not use it"),
        ({"optimizer": "sgd", "beta_1": 0.9}, "beta_1: optimizer 'sgd' does not use it"),
        ({"layer_decay": 0.0}, "layer_decay: expected a number above 0 and up to 1. Received: 0.0."),
        ({"layer_decay": 1.5}, "layer_decay: expected a number above 0 and up to 1. Received: 1.5."),
        ({"weight_decay": -0.1}, "weight_decay: expected a number of at least 0"),
        ({"label_smoothing": 1.0}, "label_smoothing: expected a number from 0 to below 1"),
        ({"precision": "bfloat16"}, "Unknown precision 'bfloat16'. Did you mean 'mixed_bfloat16'?"),
        ({"strategy": "mirror"}, "Did you mean 'mirrored'?"),
        ({"class_weight": "even"}, "class_weight: expected 'balanced' or None"),
        ({"loss": "hinge"}, "loss: expected 'crossentropy' or 'focal'. Received: 'hinge'."),
        ({"loss": "focal", "focal_gamma": -1.0}, "focal_gamma: expected a number of at least 0. Received: -1.0."),
        ({"focal_gamma": 1.0}, "focal_gamma: expected `loss` to be 'focal'. Received: 'crossentropy'."),
        ({"oversampling": "all"}, "oversampling: expected 'balanced' or None. Received: 'all'."),
        ({"logit_adjustment": -1.0}, "logit_adjustment: expected a number of at least 0. Received: -1.0."),
        (
            {"class_weight": "balanced", "oversampling": "balanced"},
            "oversampling: expected none with `class_weight`. Each of them corrects the shares of the classes, and two "
            "correct them twice. Received: 'balanced'.",
        ),
        (
            {"class_weight": "balanced", "oversampling": "balanced", "logit_adjustment": 0.5},
            "logit_adjustment: expected none with `class_weight`.",
        ),
        (
            {"oversampling": "balanced", "logit_adjustment": 1.0},
            "logit_adjustment: expected none with `oversampling`. Each of them corrects the shares of the classes, and "
            "two correct them twice. Received: 1.0.",
        ),
        (
            {"learning_rate": 0.01, "schedule": Schedule("cosine", final_learning_rate=0.1)},
            "schedule.final_learning_rate: expected less than the learning rate, 0.01. Received: 0.1.",
        ),
        (
            {"optimizer": "sgd", "schedule": Schedule("one_cycle", final_learning_rate=0.02)},
            "schedule.final_learning_rate: expected less than the learning rate, 0.01. Received: 0.02.",
        ),
        (
            {"schedule": Schedule("plateau", final_learning_rate=0.001)},
            "schedule.final_learning_rate: expected less than the learning rate, 0.001. Received: 0.001.",
        ),
        ({"steps_per_execution": 0}, "steps_per_execution: expected at least 1"),
    ],
)
def test_bad_fields_are_named(fields, message):
    with pytest.raises(KerasclfError) as caught:
        TrainConfig(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"schedule": "cosine"}, "schedule: expected Schedule. Received: 'cosine'"),
        ({"epochs": "10"}, "epochs: expected int. Received: '10'"),
        ({"epochs": 2.5}, "epochs: expected int. Received: 2.5"),
        ({"epochs": True}, "epochs: expected int. Received: True"),
        ({"learning_rate": "0.1"}, "learning_rate: expected float or None"),
        ({"learning_rate": float("inf")}, "learning_rate: expected a number above 0"),
        ({"optimizer": None}, "optimizer: expected str. Received: None"),
        ({"early_stopping": True}, "early_stopping: expected EarlyStopping or None"),
        ({"jit": "yes"}, "jit: expected bool or 'auto'. Received: 'yes'"),
    ],
)
def test_wrong_types_are_named(fields, message):
    with pytest.raises(KerasclfError) as caught:
        TrainConfig(**fields)
    assert message in str(caught.value)


def test_warm_up_fits_into_the_training():
    TrainConfig(epochs=3, schedule=Schedule(warmup_epochs=3))
    with pytest.raises(
        KerasclfError, match=r"schedule\.warmup_epochs: expected at most the 3 epochs of the training\. Received: 4\."
    ):
        TrainConfig(epochs=3, schedule=Schedule(warmup_epochs=4))


def test_averaged_weights_need_the_best_ones_restored():
    TrainConfig(ema_momentum=0.99, early_stopping=EarlyStopping())
    with pytest.raises(KerasclfError, match=r"restore_best: expected True with `ema_momentum`\. Received: False\."):
        TrainConfig(ema_momentum=0.99, early_stopping=EarlyStopping(restore_best=False))


def test_it_survives_json():
    config = TrainConfig(schedule=Schedule("step", every_epochs=2), early_stopping=EarlyStopping(patience=3))
    assert TrainConfig.from_dict(config.to_dict()) == config
    assert TrainConfig.from_dict(TrainConfig().to_dict()) == TrainConfig()


def test_the_remedies_for_unequal_classes_leave_older_identities_as_they_were():
    later = {"loss", "focal_gamma", "oversampling", "logit_adjustment"}
    assert not later & set(TrainConfig().to_dict())
    for fields in ({"loss": "focal", "class_weight": "balanced"}, {"oversampling": "balanced"}):
        config = TrainConfig(**fields)
        assert config.digest() != TrainConfig().digest()
        assert TrainConfig.from_dict(config.to_dict()) == config


def test_the_documentation_names_every_form_of_unfreeze():
    """Both texts quote each form once; only their quotation marks differ."""
    forms = re.findall(r"'([\w:]+)'", unfreeze_problem("nothing").partition("Received")[0])
    documented = re.search(r"unfreeze: (.+?\.)", TrainConfig.__doc__, re.DOTALL)[1]
    assert sorted(re.findall(r'`"([\w:]+)"`', documented)) == sorted(forms)
    assert len(forms) == 6
