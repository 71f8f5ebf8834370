"""Search spaces: what they may hold, how they are read, what they make of an experiment."""

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.search import Boolean, Choice, Float, Int, Space, read_space
from kerasclf.training import EarlyStopping

BASE = Experiment(
    model="basenet_deeper", model_args={"dropout": 0.1}, augmentation=Augmentation(rescale=1 / 255),
    train=TrainConfig(optimizer="sgd", early_stopping=EarlyStopping()), earlier_phases=(TrainConfig(epochs=3),),
)  # fmt: skip


def problems(axes, base=BASE):
    with pytest.raises(KerasclfError) as caught:
        Space(axes).check(base)
    return str(caught.value).splitlines()[1:]


def test_values_take_the_place_of_fields_of_any_depth():
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
        ({"train.batch_size": Choice(32, 64, 32)}, "train.batch_size: 32 is there twice."),
        ({"train.batch_size": Choice(32, "64")}, "train.batch_size = '64': batch_size: expected int. Received: '64'."),
        ({"train.learning_rate": Float(0.0, 1.0)}, "train.learning_rate = 0.0: learning_rate: expected a number"),
        ({"train.learning_rate": Float(0.0, 1.0, log=True)}, "log: expected a lower bound above 0. Received: 0.0."),
        ({"train.epochs": Int(1, 9, step=0)}, "train.epochs: step: expected more than 0. Received: 0."),
        ({"train.epochs": Int(1, 9.5)}, "train.epochs: expected whole numbers. Received: 1, 9.5."),
        ({"train.schedule.factr": Float(0.1, 0.5)}, "Did you mean 'train.schedule.factor'?"),
        ({"transfer.views": Int(1, 2)}, "transfer.views: transfer is None in the experiment."),
        ({"train.beta_1": Float(0.1, 0.9)}, "beta_1: optimizer 'sgd' has no use for it."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_axis_is_said(axes, message):
    assert any(message in line for line in problems(axes)), problems(axes)


def test_two_axes_that_do_not_go_together_are_named():
    found = problems({"train.optimizer": Choice("sgd", "adam"), "train.momentum": Float(0.0, 0.9)})
    assert found == [
        "  - train.optimizer = 'adam', train.momentum = 0.9: momentum: optimizer 'adam' has no use for it."
    ]


def test_a_space_is_read_from_toml_in_both_forms(tmp_path):
    (tmp_path / "space.toml").write_text("""
["train.learning_rate"]
float = [1e-3, 1e-1]
log = true

[train]
batch_size = { choice = [32, 64, 128] }
epochs = { int = [10, 100], step = 5 }

[train.early_stopping]
patience = { int = [1, 5] }

["augmentation.zoom_range"]
choice = [0.0, [0.8, 1.2]]

["augmentation.horizontal_flip"]
boolean = true
""")
    found = read_space(tmp_path / "space.toml")
    assert found == Space(
        {
            "train.learning_rate": Float(1e-3, 1e-1, log=True),
            "train.batch_size": Choice(32, 64, 128),
            "train.epochs": Int(10, 100, step=5),
            "train.early_stopping.patience": Int(1, 5),
            "augmentation.zoom_range": Choice(0.0, (0.8, 1.2)),
            "augmentation.horizontal_flip": Boolean(),
        }
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train", "is no TOML"),
        ("train.lr = 3", "train.lr: expected float = \\[low, high\\], .* Received: 3"),
        ("a = { flot = [1, 2] }", "a.flot: expected .* Did you mean 'float'?"),
        ("a = { int = [1, 2], stp = 2 }", "a: Unknown key 'stp'. Did you mean 'step'?"),
        ("a = { float = 3 }", "a: expected float = \\[low, high\\]. Received: 3."),
        ("a = { choice = [1, 2], log = true }", "a: expected float"),
        ("a = { int = [1] }\nb = { int = [1, 2], log = 1 }", "(?s)a: expected int.*b: expected int"),
    ],
)
def test_a_bad_space_file_is_explained(tmp_path, text, message):
    (tmp_path / "space.toml").write_text(text)
    with pytest.raises(KerasclfError, match=message):
        read_space(tmp_path / "space.toml")
    with pytest.raises(KerasclfError, match="cannot be read"):
        read_space(tmp_path / "nowhere.toml")
