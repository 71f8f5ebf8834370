"""Experiments as values: equal, hashable, checked, and the same after a journey through JSON."""

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.studies import declare
from kerasclf.training import EarlyStopping
from kerasclf.transfer import Transfer


def test_an_experiment_is_a_hashable_value():
    base = Experiment(data="cifar100:25", model="basenet", train=TrainConfig(epochs=30, batch_size=32))
    assert base == Experiment(data="cifar100:25", model="basenet", train=TrainConfig(epochs=30, batch_size=32))
    assert len({base, base.but(data="shapes"), base.but()}) == 2
    other = base.but(augmentation=Augmentation(horizontal_flip=True))
    assert base.identity != other.identity


def test_an_experiment_travels_as_json():
    experiment = Experiment(
        model="basenet_deeper", model_args={"batch_norm": "before"}, image_size=(64, 48),
        train=TrainConfig(early_stopping=EarlyStopping(patience=2)),
        augmentation=Augmentation(zoom_range=(0.8, 1.2)),
    )  # fmt: skip
    again = Experiment.from_dict(experiment.to_dict())
    assert again == experiment
    assert again.identity == experiment.identity
    assert isinstance(again.train.early_stopping, EarlyStopping)


def test_phases_travel_as_json():
    experiment = declare("birds").experiments["head_then_last_stage"]
    again = Experiment.from_dict(experiment.to_dict())
    assert again == experiment
    assert again.identity == experiment.identity
    assert isinstance(again.earlier_phases[0], TrainConfig)


def test_flaws_change_the_identity_and_travel_as_json():
    flawed = Experiment(flaws=("softmax_twice",))
    assert flawed.identity != Experiment().identity
    assert Experiment.from_dict(flawed.to_dict()) == flawed
    assert flawed.but(flaws=()).identity == Experiment().identity


def test_sound_experiments_have_the_hashes_that_committed_reports_name():
    assert declare("ladder").experiments["base"].identity == "2e73cdf9"
    assert declare("birds").experiments["features"].identity == "12a1ca70"
    assert "flaws" not in Experiment().to_dict()


def test_an_experiment_of_a_version_without_a_fit_squashes_and_keeps_its_identity():
    plain, padded = Experiment(image_size=(8, 8)), Experiment(image_size=(8, 8), fit="pad")
    assert "fit" not in plain.to_dict()
    assert Experiment.from_dict(plain.to_dict()).fit == "squash"
    assert plain.but(fit="squash").identity == plain.identity != padded.identity
    assert Experiment.from_dict(padded.to_dict()) == padded
    assert (plain.reading(fit="pad"), padded.reading()) == (padded, padded)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"image_size": (0, 3)}, "image_size: expected"),
        ({"image_size": 32}, "image_size: expected"),
        ({"fit": "zoom"}, r"fit: expected 'squash' or 'crop' or 'pad'\. Received: 'zoom'\."),
        ({"image_size": (3, 4, 5)}, "image_size: expected"),
        ({"augmentation": {"rescale": 0.5}}, "augmentation: expected Augmentation"),
        ({"model_args": "before"}, "model_args: expected"),
        (
            {"model": "mpl"},
            r"Unknown model 'mpl'\. Did you mean 'mlp'\? Known: .* For your own network, give 'module:f",
        ),
        ({"modle": "basenet"}, r"Unknown Experiment field 'modle'\. Did you mean 'model'\?"),
        ({"train": TrainConfig(unfreeze="head")}, "unfreeze: expected a transfer"),
        ({"earlier_phases": (TrainConfig(precision="auto"),)}, "expected the same precision in every phase"),
        ({"transfer": Transfer(views=2)}, "transfer.views: expected an augmentation that changes images"),
        (
            {"transfer": Transfer(views=2), "augmentation": Augmentation(horizontal_flip=True, mix_up=0.2)},
            "transfer.views: expected no mix_up and no cut_mix",
        ),
        (
            {"transfer": Transfer(head="regression"), "model": "resnet50", "model_args": {"head": (64,)}},
            r"transfer.head: expected 'new' with hidden layers in the head\. Received: 'regression', \(64,\)\.",
        ),
        ({"flaws": ("softmax_twise",)}, r"Unknown flaw 'softmax_twise'\. Did you mean 'softmax_twice'\?"),
        ({"flaws": ("unshuffled", "unshuffled")}, "flaws: expected each name once"),
        ({"flaws": ("statistics_of_all",)}, "statistics_of_all: expected a featurewise augmentation"),
        ({"flaws": ("batch_norm_learns",)}, "batch_norm_learns: expected a transfer"),
        ({"flaws": "unshuffled"}, "flaws: expected"),
    ],
)
def test_bad_experiments_are_refused(fields, message):
    with pytest.raises(KerasclfError, match=message):
        Experiment(**fields)
