"""The forecast of a study, and its record."""

from dataclasses import replace

import pytest

from kerasclf.runs.planning import remembered_costs
from kerasclf.runs.planning.cost import RunCost
from kerasclf.studies import forecast as forecast_module
from kerasclf.studies import study_folder
from kerasclf.studies.forecast import Stopwatch, Timing
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.studies.study_runner import plan_study, run_planned_study
from tests.prepared_engine import Prepared
from tests.studies.plans import PHASE
from tests.test_looks import STUDY

ENGINE = {"first": lambda seed: 0.2, "second": lambda seed: 0.9}


@pytest.fixture
def clock(monkeypatch):
    """A clock on which everything between two readings takes a number of seconds, which a test sets."""
    times = {"now": 0.0, "step": 0.0}

    def monotonic():
        times["now"] += times["step"]
        return times["now"]

    monkeypatch.setattr(forecast_module.time, "monotonic", monotonic)
    return times


def planned(engine, out):
    """The plan of two runs of two epochs, of 14 s each."""
    plan = plan_study(STUDY, out, engine=engine)
    cost = RunCost((replace(PHASE, epochs=2),), disk_mb=4, parameters=99)
    return replace(plan, plan=replace(plan.plan, costs=dict.fromkeys(plan.plan.costs, cost), remembered=("abc",)))


def test_the_forecast_and_the_real_time_are_told_and_recorded(tmp_path, clock):
    engine, out = Prepared(ENGINE), tmp_path / "out"
    clock["step"] = 35.0
    folder = run_planned_study(planned(engine, out), engine, engine)
    assert engine.lines == ["planned 0:28, took 0:35"]
    record = {"runs": 2, "planned_s": 28.0, "trained_s": 28.0, "took_s": 35.0}
    assert folder.read()["forecasts"] == [record]
    again = replace(STUDY, seeds=(0, 1))
    folder.claim(again)  # a later call with more runs
    assert StudyFolder(out).read()["forecasts"] == [record]
    folder.note_forecast({**record, "took_s": 28.0})
    assert [one["took_s"] for one in folder.read()["forecasts"]] == [35, 28]


def test_only_the_last_forecasts_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(study_folder, "_MOST_FORECASTS", 3)
    folder = StudyFolder(tmp_path / "out")
    folder.claim(STUDY)
    for number in range(5):
        folder.note_forecast({"runs": number})
    assert [one["runs"] for one in folder.read()["forecasts"]] == [2, 3, 4]


def test_a_forecast_that_is_far_off_is_measured_anew(tmp_path, clock, monkeypatch):
    forgotten = []
    monkeypatch.setattr("kerasclf.studies.study_runner.forget", forgotten.extend)
    for name, step, names in (("near", 50.0, []), ("far", 60.0, ["abc"])):
        clock["step"] = step
        engine = Prepared(ENGINE)
        run_planned_study(planned(engine, tmp_path / name), engine, engine)
        assert forgotten == names
    assert engine.lines[1:] == ["the pace is measured anew for the next plan, as the machine was busy now or then"]
    assert remembered_costs.remembered_files() == []


def test_a_study_without_measurements_forecasts_nothing(tmp_path):
    engine = Prepared(ENGINE)
    plan = plan_study(STUDY, tmp_path / "out", engine=engine, measure=False)
    assert "forecasts" not in run_planned_study(plan, engine, engine).read()
    assert engine.lines == []


def test_early_stopping_is_no_fault_of_the_forecast(tmp_path, clock):
    """The prepared runs have two epochs, of thirty that were planned."""
    long = {
        name: experiment.but(train=experiment.train.but(epochs=30)) for name, experiment in STUDY.experiments.items()
    }
    engine = Prepared(ENGINE)
    plan = plan_study(replace(STUDY, experiments=long), tmp_path / "out", engine=engine)
    watch = Stopwatch(plan)
    engine.run(plan.jobs, plan.plan, engine)
    clock["step"] = 30.0
    assert watch.stop() == Timing(runs=2, planned_s=140, trained_s=2 * (10 + 2 * 2), took_s=clock["now"])


def test_far_off_counts_in_both_directions():
    assert Timing(1, 100, 100, 200).off == Timing(1, 100, 100, 50).off == 2
    assert Timing(1, 100, 100, 0).off > 1e4
