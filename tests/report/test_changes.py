"""The settings of experiments and what changes between them."""

from kerasclf import Experiment, TrainConfig
from kerasclf.report.changes import changes_between, settings_of
from kerasclf.training import EarlyStopping


def test_changes_are_listed_field_by_field():
    one = Experiment()
    other = one.but(model="basenet_deeper", train=one.train.but(learning_rate=0.1, early_stopping=EarlyStopping()))
    assert changes_between(one, other) == [
        ("model", '"basenet"', '"basenet_deeper"'),
        ("train.learning_rate", "null", "0.1"),
        ("train.early_stopping", "null", "–"),
        ("train.early_stopping.monitor", "–", '"val_loss"'),
        ("train.early_stopping.patience", "–", "5"),
        ("train.early_stopping.restore_best", "–", "true"),
    ]


def test_settings_show_what_differs_from_the_defaults():
    experiment = Experiment(model="basenet_deeper", train=TrainConfig(epochs=3, learning_rate=0.1))
    shown = settings_of(experiment)
    assert shown["model"] == '"basenet_deeper"'
    assert (shown["train.epochs"], shown["train.learning_rate"]) == ("3", "0.1")
    assert shown["train.batch_size"] == "32"  # a default that is always shown
    assert "train.momentum" not in shown
    stopping = settings_of(Experiment(train=TrainConfig(early_stopping=EarlyStopping())))
    assert '"patience": 5' in stopping["train.early_stopping"]
