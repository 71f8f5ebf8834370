"""Smaller versions of experiments, and their description."""

import pytest

from kerasclf import Experiment, Split, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.studies.reduction import Reduction, describe_reduction
from kerasclf.training import Schedule


def test_the_defaults_fill_only_what_is_not_set():
    own = Reduction(epochs=3, models={"a": "b"})
    assert own.with_defaults(Reduction(epochs=9, train_per_class=5, models={"c": "d"})) == Reduction(
        epochs=3, train_per_class=5, models={"a": "b"}
    )


def test_an_empty_reduction_changes_nothing():
    declared = Experiment(split=Split(train_per_class=40), image_size=(32, 32), train=TrainConfig(learning_rate=0.1))
    assert Reduction().apply(declared) == declared
    assert describe_reduction(declared, declared) == []


def test_every_change_is_described():
    declared = Experiment(model="resnet50", image_size=(32, 32), train=TrainConfig(epochs=9))
    reduction = Reduction(
        train_per_class=1000, test_per_class=10, epochs=1, image_size=(8, 16), models={"resnet50": "resnet18"},
        model_args={"depths": (1, 1)},
    )  # fmt: skip
    assert describe_reduction(declared, reduction.apply(declared)) == [
        "at most 1,000 training and validation images per class",
        "at most 10 test images per class",
        "1 epoch instead of 9",
        "images of 8×16 instead of 32×32",
        "resnet18 instead of resnet50",
        "depths (1, 1)",
    ]


def test_another_network_keeps_its_arguments():
    declared = Experiment(model="resnet50", model_args={"head": ()}, train=TrainConfig(epochs=9))
    reduced = Reduction(models={"resnet50": "resnet18"}, epochs=4).apply(declared)
    assert reduced == declared.but(model="resnet18", train=TrainConfig(epochs=4))
    assert describe_reduction(declared, reduced) == ["4 epochs instead of 9", "resnet18 instead of resnet50"]


def test_the_rates_of_all_phases_are_multiplied():
    cycled = TrainConfig(learning_rate=0.01, schedule=Schedule("cosine_epoch", final_learning_rate=1e-4))
    declared = Experiment(model="resnet50", earlier_phases=(TrainConfig(learning_rate=0.2),), train=cycled)
    reduced = Reduction(rate_factor=0.5).apply(declared)
    assert [phase.learning_rate for phase in reduced.phases] == [0.1, 0.005]
    assert reduced.train.schedule.final_learning_rate == 5e-5
    assert describe_reduction(declared, reduced) == ["learning rates times 0.5"]


def test_a_warmup_is_never_longer_than_its_phase():
    declared = Experiment(train=TrainConfig(epochs=9, schedule=Schedule("cosine", warmup_epochs=3)))
    assert Reduction(epochs=2).apply(declared).train.schedule.warmup_epochs == 2


def test_a_rate_that_is_not_stated_cannot_be_multiplied():
    with pytest.raises(KerasclfError, match="rate_factor: expected an experiment that states its learning rates"):
        Reduction(rate_factor=0.5).apply(Experiment(model="resnet50", train=TrainConfig()))


def test_no_epochs_are_refused():
    with pytest.raises(KerasclfError, match=r"epochs: expected at least 1\. Received: 0\."):
        Reduction(epochs=0).apply(Experiment())
