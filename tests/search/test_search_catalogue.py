"""The declared searches and their reduced versions."""

import itertools
from dataclasses import replace

import pytest

from kerasclf.search import Choice, Float, Int, Search, Space
from kerasclf.search.search_catalogue import SEARCHES, reduce_search
from kerasclf.search.spaces.grid import grid_size
from kerasclf.studies.reduction import Reduction
from tests.search.fake import BASE


@pytest.mark.parametrize("name", SEARCHES)
def test_a_declared_search_can_start(name):
    SEARCHES[name].make().check()


def test_s2_is_as_published():
    s2 = SEARCHES["s2"].make()
    assert (s2.oracle, SEARCHES["s2"].trials) == ("tpe", 10)
    assert s2.space.axes["train.learning_rate"] == Float(0.001, 0.1)


def test_s4_has_243_different_experiments():
    s4 = SEARCHES["s4"].make()
    assert grid_size(s4.space) == 243
    points = itertools.product(*(axis.values for axis in s4.space.axes.values()))
    experiments = {s4.space.apply(s4.experiment, dict(zip(s4.space.axes, point, strict=True))) for point in points}
    assert len(experiments) == 243
    assert {e.train.batch_size for e in experiments} == {256, 512, 1024}


def test_the_reduced_s2_searches_the_same_space_with_a_frozen_network():
    full, small = SEARCHES["s2"].make(), SEARCHES["s2"].make_reduced()
    small = reduce_search(small, Reduction(train_per_class=100), full.experiment)
    small.check()
    assert small.space == full.space
    assert (small.experiment.model, small.experiment.train.unfreeze) == ("mobilenet_v2", "head")
    assert dict(small.experiment.model_args)["head"] == dict(full.experiment.model_args)["head"]
    assert full.reductions == ()
    assert small.reductions == (
        "at most 100 training and validation images per class",
        "at most 250 test images per class",
        "mobilenet_v2 instead of resnet50",
        "all but the head frozen, with features computed once per image",
    )


@pytest.mark.parametrize(
    ("axis", "epochs", "scaled"),
    [
        (Int(10, 100, step=5), 20, Int(2, 20, step=1)),
        (Int(10, 100, step=20), 50, Int(5, 50, step=10)),
        (Int(10, 100), 20, Int(2, 20)),
        (Int(1, 64, log=True, step=2), 16, Int(1, 16, log=True, step=2)),
        (Int(1, 15), 20, Int(1, 15)),
        (Choice(50, 100, 150), 15, Choice(5, 10, 15)),
        (Choice(5, 10), 15, Choice(5, 10)),
    ],
)
def test_an_axis_of_epochs_is_scaled_down(axis, epochs, scaled):
    search = Search(BASE, Space({"train.epochs": axis}))
    reduced = reduce_search(search, Reduction(epochs=epochs))
    assert reduced.space.axes["train.epochs"] == scaled
    assert reduced.experiment.train.epochs == min(9, epochs)


@pytest.mark.parametrize(
    "axis",
    [Int(1, 100, step=0), Int(100, 50), Int(0, 100), Int(1, 9.5), Float(1.0, 100.0), Choice("a", "b"), Choice(-1, 0)],
)
def test_an_unusable_axis_of_epochs_stays_to_be_reported(axis):
    search = Search(BASE, Space({"train.epochs": axis}))
    reduced = reduce_search(search, Reduction(epochs=20))
    assert reduced.space.axes["train.epochs"] == axis
    with pytest.raises(ValueError, match=r"train\.epochs"):
        reduced.check()


def test_reductions_add_to_those_declared():
    search = replace(SEARCHES["s2"].make(), reductions=("fewer classes",))
    assert reduce_search(search, Reduction(epochs=20)).reductions == ("20 epochs instead of 50", "fewer classes")
