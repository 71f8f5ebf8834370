"""`Space` and its axes: checks, and changes of an experiment."""

import doctest

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.search import Boolean, Choice, Float, Int, Space
from kerasclf.search.spaces import space as space_module
from kerasclf.search.spaces.space import make_space
from kerasclf.training import EarlyStopping

BASE = Experiment(
    model="basenet_deeper", model_args={"dropout": 0.1}, augmentation=Augmentation(rescale=1 / 255),
    train=TrainConfig(optimizer="sgd", early_stopping=EarlyStopping()), earlier_phases=(TrainConfig(epochs=3),),
)  # fmt: skip


def problems(axes, base=BASE):
    with pytest.raises(KerasclfError) as caught:
        Space(axes).check(base)
    return str(caught.value).splitlines()[1:]


def test_values_replace_fields_of_any_depth():
    space = Space(
        {
            "train.learning_rate": Float(1e-3, 1.0, log=True),
            "train.momentum": Choice(0.0, 0.9),
            "train.early_stopping.patience": Int(1, 9),
            "model": Choice("basenet_deeper", "basenet"),
            "model.batch_norm": Choice(None, "before"),
            "augmentation.horizontal_flip": Boolean(),
            "augmentation.zoom_range": Choice(0.0, (0.8, 1.2)),
            "earlier_phases.1.epochs": Int(1, 5),
        }
    )
    space.check(BASE)
    values = {
        "train.learning_rate": 0.5, "train.momentum": 0.9, "train.early_stopping.patience": 2,
        "model.batch_norm": "before", "augmentation.zoom_range": (0.8, 1.2), "earlier_phases.1.epochs": 5,
    }  # fmt: skip
    made = space.apply(BASE, values)
    assert made == BASE.but(
        model_args={"dropout": 0.1, "batch_norm": "before"},
        augmentation=BASE.augmentation.but(zoom_range=(0.8, 1.2)),
        train=BASE.train.but(learning_rate=0.5, momentum=0.9, early_stopping=EarlyStopping(patience=2)),
        earlier_phases=(TrainConfig(epochs=5),),
    )
    assert space.of(made) == {**values, "model": "basenet_deeper", "augmentation.horizontal_flip": False}
    assert space.of(BASE)["model.batch_norm"] is None


@pytest.mark.parametrize(
    ("axes", "message"),
    [
        ({"train.learning_rat": Float(0.1, 1)}, "'train.learning_rat'. Did you mean 'train.learning_rate'?"),
        ({"epochs": Int(1, 2)}, "Unknown field 'epochs'."),
        ({"train.batch_size": Choice(32)}, "train.batch_size: expected at least two values to choose from."),
        ({"train.batch_size": Choice(32, 64, 32)}, "train.batch_size: expected different values. Received 32 twice."),
        ({"train.batch_size": Choice(32, "64")}, "train.batch_size = '64': batch_size: expected int. Received: '64'."),
        ({"train.learning_rate": Float(0.0, 1.0)}, "train.learning_rate = 0.0: learning_rate: expected a number"),
        ({"train.learning_rate": Float(0.0, 1.0, log=True)}, "log: expected a lower bound above 0. Received: 0.0."),
        ({"train.epochs": Int(1, 9, step=0)}, "train.epochs: step: expected more than 0. Received: 0."),
        ({"train.epochs": Int(0, 9)}, "axis train.epochs: expected at least 1."),
        ({"train.epochs": Choice("few", "many")}, "train.epochs = 'few': epochs: expected int. Received: 'few'."),
        ({"train.epochs": Int(1, 9.5)}, "train.epochs: expected whole numbers. Received: 1, 9.5."),
        ({"train.schedule.factr": Float(0.1, 0.5)}, "Did you mean 'train.schedule.factor'?"),
        ({"transfer.views": Int(1, 2)}, "transfer.views: transfer is None in the experiment."),
        ({"train.beta_1": Float(0.1, 0.9)}, "beta_1: optimizer 'sgd' does not use it."),
    ],
)  # fmt: skip
def test_the_problem_of_an_axis_is_explained(axes, message):
    assert any(message in line for line in problems(axes)), problems(axes)


def test_two_axes_with_incompatible_values_are_named():
    found = problems({"train.optimizer": Choice("sgd", "adam"), "train.momentum": Float(0.0, 0.9)})
    assert found == ["  - train.optimizer = 'adam', train.momentum = 0.9: momentum: optimizer 'adam' does not use it."]


def test_a_step_of_zero_is_refused_and_survives_json():
    axis = Int(1, 9, step=0)
    assert axis.problems() == ["step: expected more than 0. Received: 0."]
    assert Space({"train.epochs": axis}).to_dict() == {"train.epochs": {"int": [1, 9], "step": 0}}


def test_an_axis_without_effect_is_refused():
    found = problems({"model.dropout": Choice(0.1, 0.2), "train.precision": Choice("float32", "float32x")})
    assert any("float32x" in line for line in found)
    same = problems({"augmentation.zoom_range": Choice((1.0, 1.0), [1.0, 1.0])})
    assert same == ["  - axis augmentation.zoom_range: expected different values. Received (1.0, 1.0) twice."]


def test_an_axis_of_another_type_is_refused():
    with pytest.raises(KerasclfError, match=r"Expected Float, Int, Choice or Boolean for each axis\. Received: a: 3\."):
        make_space({"a": 3})


def test_the_examples_of_the_docstrings():
    results = doctest.testmod(space_module)
    assert results.attempted >= 7
    assert results.failed == 0
