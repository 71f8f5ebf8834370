"""Values: short representations that evaluate to an equal value."""

from pathlib import Path

import numpy as np
import pytest

from kerasclf import Augmentation, Experiment, Split, Study, TrainConfig
from kerasclf.errors import KerasclfError
from kerasclf.runs.run_folder import RunFolder
from kerasclf.studies import Published, declare
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.transfer import Transfer

NAMES = {
    kind.__name__: kind
    for kind in (Augmentation, EarlyStopping, Experiment, Published, Schedule, Split, TrainConfig, Transfer)
}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (TrainConfig(), "TrainConfig()"),
        (TrainConfig(epochs=3, learning_rate=1e-4), "TrainConfig(epochs=3, learning_rate=0.0001)"),
        (Augmentation(zoom_range=(0.5, 1.0)), "Augmentation(zoom_range=(0.5, 1.0))"),
        (Published(0.5), "Published(accuracy=0.5)"),
        (
            Experiment(data="digits", model_args={"hidden": (4,)}, train=TrainConfig(schedule=Schedule("cosine"))),
            "Experiment(data='digits', model_args=(('hidden', (4,)),), "
            "train=TrainConfig(schedule=Schedule(name='cosine')))",
        ),
    ],
)
def test_a_value_shows_only_what_differs_from_its_defaults(value, shown):
    assert repr(value) == shown
    assert eval(shown, NAMES) == value


@pytest.mark.parametrize("study", ["ladder", "art", "pitfalls", "convnext"])
def test_declared_experiments_evaluate_to_themselves(study):
    for experiment in declare(study).experiments.values():
        assert eval(repr(experiment), NAMES) == experiment


def test_a_study_names_its_experiments_in_one_line():
    base = Experiment(data="digits", model="mlp")
    study = Study("mine", "Mine", "Why?", {"base": base, "again": base}, seeds=(0, 1))
    assert repr(study) == "<Study 'mine': base, again; seeds 0, 1>"
    many = Study("mine", "Mine", "Why?", {f"e{i}": base for i in range(10)}, protocol="published", size="quick")
    assert repr(many) == (
        "<Study 'mine': e0, e1, e2, e3, e4, e5, e6, e7 and 2 more; seed 0; protocol published; size quick>"
    )


def test_data_and_folders_are_described_in_one_line(dataset):
    assert repr(dataset) == (
        "<ImageDataset 'memory': grey levels, 3 classes, 32x32x3; 96 train, 30 validation, 30 test>"
    )
    assert repr(dataset.test) == "<Subset: <ArrayImages: 30 of 32x32x3>>"
    assert repr(StudyFolder(Path("runs/mine"))) == "StudyFolder('runs/mine')"
    assert repr(RunFolder(Path("seed-0"))) == "RunFolder('seed-0')"


def test_rows_of_a_table_are_described_in_one_line():
    from kerasclf.data.image_sources import in_memory

    assert repr(in_memory(np.zeros((5, 1, 1, 4), np.float32))) == "<ArrayRows: 5 of 1x1x4>"


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "TrainConfig: expected its fields by name. Received: []"),
        (3, "TrainConfig: expected its fields by name. Received: 3"),
        ({"epochs": 2**63}, "epochs: expected less than 2**63. Received: 9223372036854775808"),
        ({"epochs": 10**5000}, "epochs: expected less than 2**63. Received: int of huge size"),
        ({"learning_rate": 10**400}, "learning_rate: expected less than 2**63"),
        ({"momentum": float("nan"), "optimizer": "sgd"}, "momentum: expected a number from 0 to below 1"),
        ({"l2": float("inf")}, "l2: expected a finite number. Received: inf"),
        ({"unfreeze": "from:\udce9"}, "unfreeze: expected text that UTF-8 can represent"),
        ({"schedule": {"name": {}}}, "name: expected "),
        ({"optimizer": "x" * 10_000}, "Unknown optimizer 'xxx"),
    ],
)
def test_plain_values_of_a_stranger_are_refused(plain, message):
    with pytest.raises(KerasclfError) as caught:
        TrainConfig.from_dict(plain)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_missing_value_is_named():
    with pytest.raises(KerasclfError, match=r"accuracy: expected a value\. Received none"):
        Published.from_dict({"loss": 1.0})


def test_numbers_within_a_field_are_finite():
    with pytest.raises(KerasclfError, match="zoom_range"):
        Augmentation(zoom_range=(0.5, float("nan")))
