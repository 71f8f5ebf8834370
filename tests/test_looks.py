"""A study that stops when every comparison is decided. An engine that writes prepared runs takes no time."""

from dataclasses import replace

import pytest

from kerasclf import Experiment, Study, TrainConfig, run_study
from kerasclf.errors import FolderError, KerasclfError, RunsFailedError
from kerasclf.report import read_results
from kerasclf.report.findings import comparisons_of, findings
from kerasclf.report.lessons import lessons_of
from kerasclf.studies.study import Lesson
from tests.prepared_engine import Prepared

BASE = Experiment(data="digits", model="perceptron", train=TrainConfig(epochs=2))
STUDY = Study("small", "Small", "Why?", {"first": BASE, "second": BASE.but(train=TrainConfig(epochs=2, batch_size=16))})
CLEAR = {"first": lambda seed: 0.2, "second": lambda seed: 0.9}
OPEN = {"first": lambda seed: 0.5 + 0.1 * (seed % 2), "second": lambda seed: 0.6}
# The difference is there, but three runs do not show it.
LATE = {"first": lambda seed: {0: 0.2, 1: 0.6}.get(seed, 0.4), "second": lambda seed: 0.95}


def run(out, engine, study=STUDY, repeats=(3, 10), **options):
    return run_study(study, out, repeats=repeats, engine=engine, listener=engine, **options)


def test_a_clear_answer_stops_at_the_first_look(tmp_path):
    engine = Prepared(CLEAR)
    results = run(tmp_path / "out", engine).results()
    assert engine.made == [f"{name} seed {seed}" for seed in range(3) for name in ("first", "second")]
    assert engine.lines == ["Stopped after 3 of at most 10 runs: every comparison is decided."]
    assert engine.lines[0] in findings(results, comparisons_of(results))
    assert results.looks == (3, 5, 10)


def test_an_open_question_goes_on_to_the_last_look(tmp_path):
    engine = Prepared(OPEN)
    results = run(tmp_path / "out", engine).results()
    assert len(engine.made) == 20
    assert engine.lines[:2] == [f"After {runs} of at most 10 runs, 1 comparison is still open." for runs in (3, 5)]
    assert engine.lines[2] == "After 10 runs, 1 comparison is still open."
    assert engine.lines[2] in findings(results, comparisons_of(results))


def test_the_report_is_as_strict_as_the_look(tmp_path):
    results = run(tmp_path / "out", Prepared(OPEN)).results()
    (comparison,) = comparisons_of(results)
    assert comparison.p_holm == pytest.approx(comparison.difference.p * 0.05 / 0.0261, rel=1e-2)
    (early,) = comparisons_of(results.part(STUDY.experiments, range(5)))
    assert early.runs == (5, 5)
    assert early.p_holm == pytest.approx(min(1, early.difference.p * 0.05 / 0.0165), rel=1e-2)
    once = replace(results, study={**results.study, "looks": []})
    assert comparisons_of(once)[0].p_holm == pytest.approx(comparison.difference.p)


@pytest.mark.parametrize("stop_after", [1, 6, 7, 9])
def test_an_interrupted_study_resumes_and_decides_the_same(tmp_path, stop_after):
    whole, first, second = Prepared(LATE), Prepared(LATE, stop_after), Prepared(LATE)
    run(tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", first)
    again = run(tmp_path / "out", second).results()
    assert first.made + second.made == whole.made
    assert second.lines[-1] == whole.lines[-1] == "Stopped after 5 of at most 10 runs: every comparison is decided."
    assert comparisons_of(again)[0].p_holm == comparisons_of(read_results(tmp_path / "whole"))[0].p_holm


def test_a_decision_does_not_depend_on_later_runs(tmp_path):
    run(tmp_path / "out", Prepared(CLEAR))
    run(tmp_path / "out", more := Prepared(OPEN), repeats=10)  # the looks of the folder stay
    assert len(more.made) == 14
    assert read_results(tmp_path / "out").looks == (3, 5, 10)
    run(tmp_path / "out", again := Prepared(OPEN))
    assert again.made == []
    assert again.lines[-1] == "Stopped after 3 of at most 10 runs: every comparison is decided."


def test_only_the_chosen_experiments_decide(tmp_path):
    third = replace(
        STUDY, experiments={**STUDY.experiments, "third": BASE.but(train=TrainConfig(epochs=2, batch_size=8))}
    )
    engine = Prepared({**CLEAR, "third": OPEN["first"]})
    run(tmp_path / "out", engine, third, only=("first", "second"))
    assert len(engine.made) == 6


def test_a_single_experiment_has_nothing_to_decide(tmp_path):
    engine = Prepared(CLEAR)
    run(tmp_path / "out", engine, only=("first",))
    assert engine.lines == ["Stopped after 3 of at most 10 runs: there is nothing to compare."]


def test_flaws_are_decided_by_their_lessons(tmp_path):
    flawed = replace(STUDY, lessons={"second": Lesson("first", "wrong", "symptom", metric="validation_accuracy")})
    engine = Prepared({"first": lambda seed: 0.2 + 0.01 * seed, "second": lambda seed: 0.9})
    results = run(tmp_path / "out", engine, flawed).results()
    assert engine.lines == ["Stopped after 3 of at most 10 runs: every comparison is decided."]
    assert {one.comparison.runs for one in lessons_of(results)} == {(3, 3)}
    assert engine.lines[0] in findings(results, [], lessons_of(results))


def test_a_failed_run_ends_the_study_at_its_look(tmp_path):
    engine = Prepared(CLEAR, failing="second seed 1")
    with pytest.raises(RunsFailedError, match="no luck"):
        run(tmp_path / "out", engine)
    assert engine.lines == []


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (3, (3, 10), r"holds a study of 3 runs each\. Its results may be known, and looks at the results are planned"),
        ((3, 10), (3, 8), r"looks at its results after 3, 5 and 10 runs, not after 3, 5 and 8\. Give another folder"),
        ((3, 10), 11, r"holds a study of at most 10 runs each, planned before its first look\. These would make 11\."),
    ],
)
def test_looks_are_planned_once(tmp_path, before, after, message):
    run(tmp_path / "out", Prepared(CLEAR), repeats=before)
    held = (tmp_path / "out" / "study.json").read_bytes()
    with pytest.raises(FolderError, match=message):
        run(tmp_path / "out", engine := Prepared(CLEAR), repeats=after)
    assert engine.made == []
    assert (tmp_path / "out" / "study.json").read_bytes() == held


def test_single_runs_can_grow_into_looks(tmp_path):
    run(tmp_path / "out", Prepared(CLEAR), repeats=1)
    run(tmp_path / "out", engine := Prepared(CLEAR))
    assert len(engine.made) == 4
    assert read_results(tmp_path / "out").looks == (3, 5, 10)


@pytest.mark.parametrize("repeats", [(10, 3), (3, 3), (0, 5), (1, 5)])
def test_repeats_are_two_rising_numbers(tmp_path, repeats):
    received = "{} to {}".format(*repeats)
    with pytest.raises(KerasclfError, match=f"repeats: expected at least 2 runs at first, .* Received: {received}."):
        run(tmp_path / "out", Prepared(CLEAR), repeats=repeats)
    with pytest.raises(KerasclfError, match=r"repeats: expected at least 1\. Received: 0\."):
        run(tmp_path / "out", Prepared(CLEAR), repeats=0)


@pytest.mark.parametrize("looks", [(1, 3), (3, 3), (5, 3)])
def test_looks_rise_from_two(looks):
    with pytest.raises(KerasclfError, match=r"looks: expected rising numbers of runs from 2 on, such as \(3, 5, 10\)"):
        replace(STUDY, looks=looks)
    with pytest.raises(
        KerasclfError, match=r"looks: expected at most 3 seeds, the last number of runs\. Received: 4\."
    ):
        replace(STUDY, looks=(2, 3), seeds=(0, 1, 2, 3))
