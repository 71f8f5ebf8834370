"""The forecast for several GPUs as text."""

from dataclasses import replace

import pytest

from kerasclf.commands.printing.output import with_flags
from kerasclf.commands.study import StudyCommand
from kerasclf.studies.scaling_table import scaling_notes, scaling_table, step_of
from tests.studies.plans import COST, PHASE

# A step of 64 images takes 15 ms, and its input 5 ms. Its gradients are 96,788 bytes.
NETWORK_SPEEDS = ("5.0× (4)", "3.1× (4)", "1.7× (2)")


def cells(table):
    return list(zip(*(map(str, column.cells) for column in table.columns), strict=True))


def on(gpus, study_plan):
    return replace(study_plan, plan=replace(study_plan.plan, gpus=gpus))


def test_a_step_has_the_measured_time(study_plan):
    step = step_of(PHASE, study_plan.jobs[0].experiment.train)
    assert (step.images, step.compute_s, step.input_s, step.exchanged_bytes) == (64, 0.015, 0.005, 96_788)


def test_each_phase_has_a_row_with_its_speed_on_each_link(study_plan):
    train = study_plan.jobs[0].experiment.train
    phases = study_plan.jobs[0].experiment.but(train=train, earlier_phases=(train.but(batch_size=128),))
    cost = replace(COST, phases=(replace(PHASE, unfreeze="head"), PHASE))
    jobs = (replace(study_plan.jobs[0], experiment=phases), study_plan.jobs[1])
    costs = {"sgd_20": cost, "adam_20": COST}
    rows = cells(scaling_table(replace(study_plan, jobs=jobs, plan=replace(study_plan.plan, costs=costs)), 8))
    assert [row[:5] for row in rows] == [
        ("sgd_20", "head", "128", "15.0 ms", "97 kB"),
        ("", "all", "64", "15.0 ms", "97 kB"),
        ("adam_20", "all", "64", "15.0 ms", "97 kB"),
    ]
    # In one machine, the CPU cores prepare a batch in a third of the time of its step.
    assert rows[2][5:] == ("3.0× (4)", "3.0× (4)", *NETWORK_SPEEDS)


def test_a_slower_input_takes_the_time_of_the_step(study_plan):
    slow = replace(COST, phases=(replace(PHASE, input_s=0.04 * PHASE.steps),))
    costs = {"sgd_20": slow, "adam_20": slow}
    (row, _) = cells(scaling_table(replace(study_plan, plan=replace(study_plan.plan, costs=costs)), 4))
    assert row[3] == "40.0 ms"
    assert row[5].startswith("1.0×")  # the GPUs of one machine wait for its cores


@pytest.mark.parametrize(("gpus", "shown"), [(16, ["–", "–"]), (128, ["–", "–", "–", "–", "–"])])
def test_more_gpus_than_a_machine_or_a_batch_has_are_not_forecast(study_plan, gpus, shown):
    (row, _) = cells(scaling_table(study_plan, gpus))
    assert [cell.split()[0] for cell in row[5:]][: len(shown)] == shown


def test_the_notes_say_what_one_gpu_was(study_plan):
    assert len(scaling_notes(on(1, study_plan))) == 1
    assert "this CPU stands for one GPU" in scaling_notes(on(0, study_plan))[1]


def test_a_measurement_of_several_gpus_is_no_measurement_of_one(study_plan):
    assert cells(scaling_table(on(4, study_plan), 8)) == []
    assert with_flags(scaling_notes(on(4, study_plan))[1], StudyCommand()) == (
        "without sgd_20, adam_20, for which the plan has measured 4 GPUs together; set --strategy to none"
    )
