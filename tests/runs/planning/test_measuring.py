"""What plans measure: each cost once. Nothing is trained here."""

from dataclasses import replace

import pytest

from kerasclf import Augmentation, Experiment, TrainConfig
from kerasclf.runs.planning import measuring
from kerasclf.runs.planning.measuring import cost_settings, describe_machine, measure_costs
from kerasclf.runs.planning.remembered_costs import RememberedCosts, forget, remembered_files
from kerasclf.training import EarlyStopping, Schedule
from kerasclf.training.rehearsal_result import Rehearsal
from kerasclf.transfer import Transfer
from tests.conftest import make_subset

BASE = Experiment(data="digits", model="mlp", train=TrainConfig(epochs=30))
TRAIN = BASE.train
REHEARSAL = Rehearsal(
    startup_s=1.0, step_s=0.1, input_s=0.02, compute_s=0.08, validation_s=0.5, steps=3, parameters=99, trainable=90,
    state_mb=0.5, between_s=0.2, finish_s=0.4,
)  # fmt: skip
MACHINE = {"device": "a CPU", "threads": 1, "versions": {"keras": "3"}}


class Rehearsals:
    """Counts the measurements."""

    def __init__(self, rehearsal=REHEARSAL):
        self.rehearsal, self.measured, self.lines = rehearsal, [], []

    def __call__(self, experiment, dataset):
        self.measured.append(experiment)
        return self.rehearsal

    def measure(self, dataset, machine=MACHINE, **experiments):
        pairs = {name: (experiment, dataset) for name, experiment in experiments.items()}
        return measure_costs(pairs, self, RememberedCosts(machine), self.lines.append)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCLF_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


SAME = {
    "longer": BASE.but(train=TRAIN.but(epochs=60)),
    "slower": BASE.but(train=TRAIN.but(learning_rate=1e-4, beta_1=0.8, label_smoothing=0.1)),
    "warm": BASE.but(train=TRAIN.but(schedule=Schedule("cosine", warmup_epochs=2))),
    "stops": BASE.but(train=TRAIN.but(early_stopping=EarlyStopping())),
    "split": BASE.on_split(1, splits=2),
}
OTHER = {
    "sgd": BASE.but(train=TRAIN.but(optimizer="sgd")),
    "momentum": BASE.but(train=TRAIN.but(optimizer="sgd", momentum=0.9)),
    "batch": BASE.but(train=TRAIN.but(batch_size=64)),
    "precision": BASE.but(train=TRAIN.but(precision="mixed_bfloat16")),
    "network": BASE.but(model="perceptron"),
    "wider": BASE.but(model_args={"units": (64,)}),
    "flipped": BASE.but(augmentation=Augmentation(horizontal_flip=True)),
    "averaged": BASE.but(train=TRAIN.but(ema_momentum=0.9)),
}


def test_experiments_that_cost_the_same_are_measured_once(dataset):
    rehearsals = Rehearsals()
    costs = rehearsals.measure(dataset, base=BASE, **SAME)
    (measured,) = rehearsals.measured
    assert measured.epochs == 1
    assert rehearsals.lines == ["measuring the pace, 1 of 1: base, and 5 experiments that cost the same"]
    assert costs.by_name["base"].run_s == pytest.approx(1 + 30 * (3 * 0.1 + 0.5 + 0.2) + 0.4)
    assert costs.by_name["longer"].run_s == pytest.approx(1 + 60 * (3 * 0.1 + 0.5 + 0.2) + 0.4)
    assert costs.by_name["stops"].disk_mb > costs.by_name["base"].disk_mb  # it keeps the best weights, too
    assert costs.peak_memory_mb > 10


@pytest.mark.slow
def test_experiments_that_differ_in_cost_are_measured_one_by_one(dataset):
    rehearsals = Rehearsals()
    rehearsals.measure(dataset, base=BASE, **OTHER)
    assert len(rehearsals.measured) == len(OTHER) + 1
    assert rehearsals.lines[1] == "measuring the pace, 2 of 9: sgd"


def test_the_amount_of_an_augmentation_costs_nothing(dataset):
    some, more = (BASE.but(augmentation=Augmentation(rotation_range=degrees, zoom_range=0.1)) for degrees in (10, 20))
    twice = BASE.but(augmentation=Augmentation(rand_augment_ops=2))
    rehearsals = Rehearsals()
    rehearsals.measure(dataset, some=some, more=more, once=twice.but(augmentation=Augmentation(rand_augment_ops=1)),
                       twice=twice)  # fmt: skip
    assert len(rehearsals.measured) == 3


def test_the_output_layer_starts_once_in_a_run_of_several_phases(dataset):
    transfer = BASE.but(transfer=Transfer("none"), train=TRAIN.but(unfreeze="head"))
    phases = transfer.but(train=TRAIN, earlier_phases=(transfer.train,))
    plain, started = (
        Rehearsals(replace(REHEARSAL, regression_s=seconds)).measure(dataset, {"seconds": seconds}, all=phases)
        for seconds in (0.0, 7.0)
    )
    assert started.by_name["all"].run_s == pytest.approx(plain.by_name["all"].run_s + 7)
    # Features that the training itself does not need are computed for the regression.
    remembered = remembered_files()
    on_images = Rehearsals(replace(REHEARSAL, regression_s=7.0, extraction_s=20.0))
    costs = on_images.measure(dataset, all=phases)
    assert costs.by_name["all"].run_s == pytest.approx(plain.by_name["all"].run_s + 27)
    assert remembered_files() == remembered


def test_each_phase_is_measured(dataset):
    transfer = BASE.but(transfer=Transfer("none"), train=TRAIN.but(unfreeze="head"))
    phases = transfer.but(train=TRAIN, earlier_phases=(transfer.train,))
    rehearsals = Rehearsals()
    costs = rehearsals.measure(dataset, head=transfer, all=phases)
    assert [one.train.unfreeze for one in rehearsals.measured] == ["head", "all"]
    assert rehearsals.lines[0].endswith("1 of 2: head (head), and 1 experiment that cost the same")
    assert [phase.unfreeze for phase in costs.by_name["all"].phases] == ["head", "all"]


def test_a_known_plan_measures_nothing(dataset):
    first = Rehearsals()
    planned = first.measure(dataset, base=BASE, sgd=OTHER["sgd"])
    second = Rehearsals()
    assert second.measure(dataset, base=BASE, sgd=OTHER["sgd"]) == planned
    assert (len(first.measured), len(second.measured)) == (2, 0)
    assert second.lines == ["pace: 2 of 2 measurements known from earlier plans"]
    third = Rehearsals()
    third.measure(dataset, base=BASE, batch=OTHER["batch"])
    assert len(third.measured) == 1
    forget(planned.remembered)
    assert not any(path.stem in planned.remembered for path in remembered_files())


@pytest.mark.parametrize(
    "machine",
    [{**MACHINE, "device": "another CPU"}, {**MACHINE, "threads": 2}, {**MACHINE, "versions": {"keras": "4"}}],
)
def test_another_machine_measures_anew(dataset, machine):
    Rehearsals().measure(dataset, base=BASE)
    rehearsals = Rehearsals()
    rehearsals.measure(dataset, machine, base=BASE)
    assert len(rehearsals.measured) == 1


@pytest.mark.parametrize("change", [{"train": make_subset(95)}, {"validation": make_subset(31)}])
def test_another_number_of_images_is_measured_anew(dataset, change):
    Rehearsals().measure(dataset, base=BASE)
    rehearsals = Rehearsals()
    rehearsals.measure(replace(dataset, **change), base=BASE)
    assert len(rehearsals.measured) == 1


def test_activations_that_are_still_missing_are_not_remembered(dataset, cache):
    """The next plan finds them cached."""
    head = BASE.but(transfer=Transfer("none"), train=TRAIN.but(unfreeze="head"))
    folder = cache / "activations" / "some"
    folder.mkdir(parents=True)
    missing = replace(REHEARSAL, cache=str(folder), extraction_s=30.0)
    for rehearsal, measured in ((missing, 1), (replace(missing, extraction_s=0.0), 1), (missing, 0)):
        rehearsals = Rehearsals(rehearsal)
        rehearsals.measure(dataset, head=head)
        assert len(rehearsals.measured) == measured
    folder.rmdir()  # `kerasclf cache clear`
    rehearsals = Rehearsals(missing)
    rehearsals.measure(dataset, head=head)
    assert len(rehearsals.measured) == 1


def test_pretrained_experiments_depend_on_their_weights_and_images(dataset):
    head = BASE.but(transfer=Transfer("none"))
    moved = replace(dataset, train=make_subset(96, seed=5))
    settings = [cost_settings(head, dataset, "a"), cost_settings(head, dataset, "b"), cost_settings(head, moved, "a")]
    assert settings[0] != settings[1]
    assert settings[0] != settings[2]
    assert cost_settings(BASE, dataset, None) == cost_settings(BASE, moved, None)


def test_the_machine_is_described_with_its_settings(monkeypatch):
    before = describe_machine(2)
    assert before["threads"] == 2
    assert set(before["versions"]) == {"kerasclf", "keras", "tensorflow"}
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    assert describe_machine(2) != before
    monkeypatch.setattr(measuring, "usable_cores", lambda: 99)
    assert describe_machine(2)["cores"] == 99


def test_what_comes_before_the_phases_counts_once(dataset):
    """The first phase of a run builds the network, reads its weights and fits the output layer; the second one not."""
    two = BASE.but(earlier_phases=(TRAIN.but(epochs=2),))
    measured = Rehearsals(replace(REHEARSAL, loading_s=7.0, regression_s=2.0)).measure(dataset, two=two)
    assert [phase.startup_s for phase in measured.by_name["two"].phases] == [10.0, 1.0]
