"""The plan of a study as text."""

from dataclasses import replace

import pytest

from kerasclf.commands.printing.output import with_flags
from kerasclf.commands.study import StudyCommand
from kerasclf.commands.train import TrainCommand
from kerasclf.files.cache_folders import cache_root
from kerasclf.studies.study_plan_table import plan_summary, plan_table
from tests.studies.plans import COST, PHASE


@pytest.mark.parametrize(
    ("jobs", "width", "first"),
    [
        (0, 1, "0 runs to make"),
        (1, 1, "1 run to make"),
        (2, 1, "2 runs to make, one at a time"),
        (2, 2, "2 runs to make, 2 side by side"),
    ],
)
def test_runs_are_counted(study_plan, jobs, width, first):
    assert plan_summary(replace(study_plan, jobs=study_plan.jobs[:jobs], width=width))[0] == first


def test_it_says_what_is_left_and_what_it_costs(study_plan):
    ended = replace(study_plan, finished=("a", "b"), failed={"c": "why"})
    assert plan_summary(ended) == [
        "2 runs to make, 2 side by side, 2 finished, 1 failed earlier (set `retry` to try again)",
        "training about 70 s, plus start and report; 1.6 GB of memory, 8.0 MB of disk space",
    ]


@pytest.mark.parametrize(
    ("gpus", "memory_mb", "line"),
    [
        (0, None, None),
        (2, 80_000, None),
        (1, 80_000, "up to 2 runs share a GPU, each with at most 36 GB of its memory"),
        (1, None, "up to 2 runs share a GPU, without a limit of its memory"),
    ],
)
def test_runs_that_share_a_gpu_are_named(study_plan, gpus, memory_mb, line):
    lines = plan_summary(replace(study_plan, plan=replace(study_plan.plan, gpus=gpus, gpu_memory_mb=memory_mb)))
    assert [one for one in lines if "GPU" in one] == ([] if line is None else [line])


def test_it_says_how_many_epochs_runs_share(study_plan):
    short = replace(study_plan.jobs[0], trajectory="same")
    long = replace(short, title="sgd_40", experiment=short.experiment.but(train=short.experiment.train.but(epochs=40)))
    shared = replace(study_plan, jobs=(short, long), width=1)
    assert plan_summary(shared)[2] == ("40 of 60 epochs to train: 20 are the same in several runs, which saves 40 s")
    assert plan_summary(replace(shared, width=2))[2].endswith("20 are the same in several runs")
    assert len(plan_summary(study_plan)) == 2


def test_started_runs_are_counted(study_plan):
    kept = study_plan.jobs[0].run.checkpoints / "phase-1"
    kept.mkdir(parents=True)
    (kept / "epoch-00009.npz").touch()
    assert "1 of them started" in plan_summary(study_plan)[0]


def test_each_unfrozen_part_has_a_line_with_its_time(study_plan):
    head = replace(PHASE, unfreeze="head", cache="head", extraction_s=100, cache_mb=0.8, epochs=1)
    stage = replace(PHASE, unfreeze="stage5", cache="stage5", epoch_s=3)
    cost = replace(COST, phases=(head, stage, replace(PHASE, unfreeze="all", epoch_s=60)))
    plan = replace(study_plan, jobs=study_plan.jobs[:1], plan=replace(study_plan.plan, costs={"sgd_20": cost}))
    assert plan_summary(plan)[2:] == [
        f"including 2 min to compute frozen activations once for all runs: 800 kB in {cache_root()}",
        "`unfreeze` all: 30 min, of which 10 s to start and 60 s for each of 30 epochs, through the whole network",
        "`unfreeze` stage5: 2 min, of which 10 s to start and 3 s for each of 30 epochs, from cached activations",
        "`unfreeze` head: 12 s, of which 10 s to start and 2 s for the epoch, after 2 min to compute the activations "
        "of the frozen part (800 kB)",
    ]


def test_a_command_shows_flags(study_plan):
    line = plan_summary(replace(study_plan, failed={"c": "why"}))[0]
    assert with_flags(line, StudyCommand()).endswith("1 failed earlier (set --retry to try again)")
    assert with_flags("`unfreeze` head: 2 s", TrainCommand()) == "--unfreeze head: 2 s"


def test_the_table_has_a_row_for_each_phase(study_plan):
    cost = replace(COST, phases=(replace(PHASE, unfreeze="head"), PHASE))
    costs = {"sgd_20": cost, "adam_20": COST}
    table = plan_table(replace(study_plan, plan=replace(study_plan.plan, costs=costs)))
    assert [str(cell) for cell in table.columns[0].cells] == ["sgd_20", "", "adam_20"]
    assert [str(cell) for cell in table.columns[2].cells] == ["head", "all", "all"]
    assert [str(cell) for cell in table.columns[-1].cells] == ["70 s", "70 s", "70 s"]
