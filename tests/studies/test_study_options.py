"""The changes of a user to a declared study."""

import pytest

from kerasclf.errors import KerasclfError
from kerasclf.studies import declare
from kerasclf.studies.reduction import Reduction
from kerasclf.studies.study_options import StudyOptions


def declared(name, protocol="sound", **options):
    return declare(name, protocol, StudyOptions(**options))


def test_changes_reach_every_experiment():
    limits = Reduction(train_per_class=70, image_size=(48, 48))
    study = declared("ladder", data="shapes", repeats=3, seed=5, limits=limits)
    assert study.seeds == (5, 6, 7)
    for experiment in study.experiments.values():
        assert (experiment.data, experiment.image_size, experiment.split.train_per_class) == ("shapes", (48, 48), 70)


def test_the_quick_size_has_two_epochs_and_one_run():
    assert {experiment.epochs for experiment in declared("ladder", size="quick").experiments.values()} == {2}
    assert declared("convnext").seeds == (0, 1, 2)
    assert declared("convnext", repeats=1, seed=4).seeds == (4,)
    assert declared("convnext", size="quick").seeds == (0,)


def test_weights_epochs_and_cache_can_be_set():
    limits = Reduction(epochs=2)
    study = declared("birds", weights="none", cache="off", data="birds:/photos", limits=limits)
    for experiment in study.experiments.values():
        assert experiment.transfer.weights == "none"
        assert experiment.transfer.cache == "off"
        assert all(phase.epochs == 2 for phase in experiment.phases)
        assert experiment.image_size == (224, 224)


def test_weights_reach_only_pretrained_experiments():
    given = declared("pitfalls", weights="a.keras").experiments
    assert given["transfer"].transfer.weights == given["swapped_channels"].transfer.weights == "a.keras"
    assert given["sound"].transfer is None


@pytest.mark.parametrize(
    ("options", "weights"),
    [({}, "imagenet"), ({"size": "quick"}, "none"), ({"size": "quick", "weights": "a.keras"}, "a.keras")],
)
def test_the_quick_size_has_random_weights_by_default(options, weights):
    assert declared("pitfalls", **options).experiments["transfer"].transfer.weights == weights


def test_the_limits_of_a_study_hold_only_for_its_own_data():
    own, other = (declared("course-digits", data=data).experiments["mlp_100"] for data in (None, "folder:mnist900"))
    assert (own.data, own.split.train_per_class, own.split.test_per_class) == ("mnist", 80, 10)
    assert other == own.but(data="folder:mnist900", split=own.split.but(train_per_class=None, test_per_class=None))


def test_limits_of_the_user_come_before_those_of_the_size():
    limits = Reduction(epochs=3, train_per_class=50, image_size=(24, 24))
    study = declared("convnext", size="reduced", limits=limits)
    experiment = study.experiments["5_inverted"]
    assert (experiment.train.epochs, experiment.split.train_per_class, experiment.image_size) == (3, 50, (24, 24))
    assert experiment.split.test_per_class == 100
    assert "3 epochs instead of 100" in study.reductions
    assert "images of 24×24 instead of 32×32" in study.reductions


def test_fewer_epochs_or_images_are_reported():
    assert declared("ladder", limits=Reduction(epochs=3)).reductions == (
        "3 epochs instead of 30", "3 epochs instead of 21", "3 epochs instead of 40",
        "no difference between bn_before and stop_by_eye",
    )  # fmt: skip
    assert declared("ladder", limits=Reduction(train_per_class=70)).reductions == (
        "at most 70 training and validation images per class",
    )
    assert declared("ladder", repeats=2).reductions == ()


def test_experiments_that_a_reduction_makes_alike_are_named():
    assert declared("basenet", limits=Reduction(epochs=2)).reductions == (
        "2 epochs instead of 20", "2 epochs instead of 40",
        "no difference between sgd_20 and sgd_40", "no difference between adam_20 and adam_40",
    )  # fmt: skip
    assert declared("basenet", limits=Reduction(epochs=30)).reductions == ("30 epochs instead of 40",)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ladder", {"size": "reduced"}, "size: the study ladder declares no reduced version"),
        ("basenet", {"weights": "imagenet"}, "weights: the study trains basenet, which has no pretrained weights"),
        ("birds", {"limits": Reduction(epochs=0)}, "epochs: expected at least 1. Received: 0."),
    ],
)
def test_options_that_a_study_does_not_take_are_refused(name, options, message):
    with pytest.raises(KerasclfError) as caught:
        declared(name, **options)
    assert message in str(caught.value)


def test_bad_options_are_all_reported_at_once():
    with pytest.raises(KerasclfError) as caught:
        StudyOptions(data="", repeats=0, seed=-1)
    for name in ("data", "repeats", "seed"):
        assert f"- {name}: expected" in str(caught.value)
