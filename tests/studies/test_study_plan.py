"""What a study will cost, and how many runs go side by side."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from kerasclf.runs import resources
from kerasclf.runs.cost import PhaseCost, RunCost, format_duration
from kerasclf.runs.job import Job
from kerasclf.runs.plan import Plan
from kerasclf.studies import declare
from kerasclf.studies import study_plan as study_plan
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_options import StudyOptions
from kerasclf.studies.study_plan import StudyPlan
from kerasclf.studies.study_plan_table import plan_summary
from kerasclf.transfer import Transfer

PHASE = PhaseCost("all", 24_197, startup_s=10, epoch_s=2, input_s=0.5, compute_s=1.5, epochs=30)
ESTIMATE = RunCost((PHASE,), disk_mb=4, parameters=24_197)


@pytest.fixture
def two_jobs(tmp_path):
    study = declare("basenet", options=StudyOptions(data="shapes"))
    folder = StudyFolder(tmp_path / "out")
    names = ("sgd_20", "adam_20")
    jobs = tuple(
        Job(name, name, study.experiments[name], 0, folder.run(name, "12345678", 0).path, "hash") for name in names
    )
    plan = Plan({}, {}, costs=dict.fromkeys(names, ESTIMATE), peak_memory_mb=800)
    return StudyPlan(study, folder, plan, jobs, finished=(), failed={}, width=2)


def test_it_adds_up(two_jobs):
    assert ESTIMATE.run_s == 70
    assert two_jobs.seconds == 70  # two of them side by side
    assert replace(two_jobs, width=1).seconds == 140
    assert two_jobs.memory_mb == 1600
    assert two_jobs.disk_mb == 8


def on_activations(cut, seconds, megabytes):
    """A phase on activations that are still to be computed."""
    return replace(PHASE, unfreeze=cut, cache=cut, extraction_s=seconds, cache_mb=megabytes)


def test_runs_that_begin_alike_wait_for_one_pass(two_jobs):
    alike = [replace(job, experiment=two_jobs.jobs[0].experiment) for job in two_jobs.jobs]
    costs = {
        "sgd_20": replace(ESTIMATE, phases=(on_activations("head", 100, 8),)),
        "adam_20": replace(ESTIMATE, phases=(on_activations("head", 100, 8), on_activations("stage5", 90, 800))),
    }
    shared = replace(two_jobs, jobs=tuple(alike), plan=replace(two_jobs.plan, costs=costs))
    assert shared.extraction_s == 100
    assert shared.cache_mb == 808
    assert shared.seconds == 100 + (70 + 2 * 70) / 2
    # Of another network each has a pass of its own.
    other = alike[1].experiment.but(model="basenet_deeper")
    costs["adam_20"] = replace(ESTIMATE, phases=(on_activations("its head", 100, 8),))
    apart = replace(shared, jobs=(alike[0], replace(alike[1], experiment=other)))
    assert (apart.extraction_s, apart.cache_mb) == (200, 16)


def test_random_weights_are_computed_with_each_seed(two_jobs):
    transfer = Transfer("none")
    jobs = [replace(two_jobs.jobs[0], experiment=two_jobs.jobs[0].experiment.but(transfer=transfer), seed=seed)
            for seed in (0, 1)]  # fmt: skip
    costs = {"sgd_20": replace(ESTIMATE, phases=(on_activations("head", 100, 8),))}
    drawn = replace(two_jobs, jobs=tuple(jobs), plan=replace(two_jobs.plan, costs=costs))
    assert (drawn.extraction_s, drawn.cache_mb) == (200, 16)
    pretrained = tuple(replace(job, experiment=job.experiment.but(transfer=Transfer("imagenet"))) for job in jobs)
    assert (replace(drawn, jobs=pretrained).extraction_s, replace(drawn, jobs=pretrained).cache_mb) == (100, 8)


def test_finished_epochs_are_not_counted_again(two_jobs):
    kept = two_jobs.jobs[0].run.checkpoints / "phase-1"
    kept.mkdir(parents=True)
    (kept / "epoch-00009.npz").touch()
    (kept / "epoch-00010.npz").touch()
    assert two_jobs.seconds == 60
    assert "1 of them begun" in plan_summary(two_jobs)[0]


def test_the_summary_tells_what_is_left(two_jobs):
    told = replace(two_jobs, finished=("a", "b"), failed={"c": "why"})
    assert plan_summary(told)[:2] == [
        "plan: 2 runs to make, 2 side by side, 2 finished, 1 failed earlier (--retry tries them again)",
        "      about 70 s at most, 1.6 GB of memory, 8 MB of disk",
    ]


def test_it_warns_of_what_will_be_short(two_jobs, monkeypatch):
    monkeypatch.setattr(study_plan, "free_memory_mb", lambda: 1000.0)
    assert two_jobs.warnings() == [
        "2 runs side by side take about 1.6 GB of memory; 1.0 GB are free. Take fewer --jobs."
    ]
    huge = replace(two_jobs, plan=replace(two_jobs.plan, peak_memory_mb=None,
                   costs=dict.fromkeys(two_jobs.plan.costs, replace(ESTIMATE, disk_mb=1e12))))  # fmt: skip
    assert "MB of disk" in huge.warnings()[0]


@pytest.mark.parametrize(
    ("peak_mb", "gpus", "jobs"),
    [(None, 0, 8), (1000, 0, 8), (3000, 0, 2), (20_000, 0, 1), (1000, 2, 2)],
)
def test_automatic_jobs(monkeypatch, peak_mb, gpus, jobs):
    """Eight cores and 10 GB of free memory."""
    monkeypatch.setattr(resources, "usable_cores", lambda: 8)
    monkeypatch.setattr(resources, "free_memory_mb", lambda: 10_000.0)
    assert resources.automatic_jobs(peak_mb, gpus) == jobs


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
def test_a_peak_can_be_forgotten():
    """So that each experiment of a plan has its own, whatever was measured before."""
    held = np.ones(40_000_000)  # 320 MB
    peak = resources.peak_memory_mb()
    del held
    assert resources.peak_memory_mb() == peak
    resources.forget_peak()
    assert resources.peak_memory_mb() < peak - 250


@pytest.mark.parametrize(("seconds", "words"), [(12.4, "12 s"), (200, "3 min"), (7200, "2.0 h")])
def test_durations_in_words(seconds, words):
    assert format_duration(seconds) == words
