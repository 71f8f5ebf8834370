"""The number of runs that a planned study needs."""

import copy
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from kerasclf import Experiment, Study, TrainConfig, run_study
from kerasclf.report import read_results
from kerasclf.report.runs_needed import PlannedComparison, plan_comparison
from kerasclf.report.statistics.random_effects import error_of
from kerasclf.studies.study import Published
from kerasclf.studies.study_runner import plan_study
from tests.prepared_engine import Prepared
from tests.report.run_folders import in_groups

USUAL = PlannedComparison(difference=0.02, seed_deviation=0.01, disagreement=0.05, test_images=10_000)
BASE = Experiment(data="digits", model="perceptron", train=TrainConfig(epochs=2))
STUDY = Study(
    "small", "Small", "Why?",
    {name: BASE.but(train=TrainConfig(epochs=epochs)) for epochs, name in enumerate("abc", 1)},
    seeds=(0, 1, 2),
)  # fmt: skip


@pytest.mark.parametrize(("runs", "below"), [(4, 0.05), (10, 0.02)])
def test_the_planned_number_of_runs_finds_the_difference_in_about_four_of_five_studies(runs, below):
    rng, studies = np.random.default_rng(0), 40_000
    images = USUAL.disagreement / USUAL.test_images
    found, _ = USUAL.reach(runs)
    one, other = rng.normal(0, USUAL.seed_deviation, (2, studies, runs))
    difference = found + rng.normal(0, np.sqrt(images), studies) + one.mean(axis=1) - other.mean(axis=1)
    seeds = [values.var(axis=1, ddof=1) / runs for values in (one, other)]
    variance = sum(seeds) + images
    df = variance**2 / sum(part**2 / (runs - 1) for part in seeds)
    significant = np.abs(difference) / np.sqrt(variance) > stats.t.isf(0.025, df)
    assert 0.8 - below < significant.mean() < 0.82  # the formula takes the degrees of freedom as known


def test_more_runs_lower_the_reach_down_to_its_limit():
    reaches, limits = zip(*(USUAL.reach(runs) for runs in (2, 5, 100_000)), strict=True)
    assert sorted(reaches, reverse=True) == list(reaches)
    assert limits[0] == limits[-1] == pytest.approx(2.8016 * np.sqrt(0.05 / 10_000), rel=1e-4)
    assert reaches[-1] == pytest.approx(limits[0], rel=0.01)
    assert USUAL.reach(USUAL.runs)[0] <= 0.02 < USUAL.reach(USUAL.runs - 1)[0]


def test_a_group_counts_as_one_image():
    grouped = replace(USUAL, groups=1000)
    assert grouped.reach(5)[1] == pytest.approx(replace(USUAL, test_images=1000).reach(5)[1])
    assert replace(USUAL, groups=20).reach(5)[0] > replace(USUAL, test_images=20).reach(5)[0]  # few groups
    assert "(1 comparison on 10,000 test images of 1,000 groups); endless" in grouped.sentences[0]
    assert grouped.sentences[0].endswith("only more test groups lower this")
    assert "two experiments disagree on 5 % more of the groups than two seeds do (assumed)" in grouped.sentences[1]


def test_groups_are_counted_in_the_plan_and_in_finished_runs(tmp_path):
    engine = Prepared({name: lambda seed: 0.5 + 0.1 * seed for name in "abc"})
    run_study(STUDY, tmp_path / "out", engine=engine, listener=engine)
    results = in_groups(read_results(tmp_path / "out"), np.arange(30) // 3)
    plan = plan_study(STUDY, tmp_path / "out", engine=engine)
    manifests = copy.deepcopy(plan.plan.manifests)
    for manifest in manifests.values():
        manifest["sets"]["test"]["groups"] = [f"patient {number // 3}" for number in range(30)]
    found = plan_comparison(replace(plan, plan=replace(plan.plan, manifests=manifests)), results)
    assert (found.test_images, found.groups) == (30, 10)
    # As many images as finished: the share of the error that the images have is the measured one.
    errors = [error_of(results.samples[one], results.samples[other]).images for one, other in (("b", "a"), ("c", "a"))]
    assert found.disagreement / found.groups == pytest.approx(np.mean(errors))
    assert found.reach(3)[1] == pytest.approx(2.8016 * np.sqrt(np.mean(errors)), rel=1e-4)


def test_it_is_said_in_words():
    assert USUAL.sentences == [
        "6 runs of each experiment find a difference of 2 points in four of five cases (1 comparison on 10,000 test "
        "images); endless runs would find 0.6 points, and only more test images lower this",
        "this holds if accuracy varies by 1 point from seed to seed (assumed; `seed_deviation`), and two experiments "
        "disagree on 5 % more of the images than two seeds do (assumed)",
    ]
    many = replace(USUAL, comparisons=7, measured=(True, True))
    assert many.runs > USUAL.runs
    assert "(as in the finished runs; `seed_deviation`)" in many.sentences[1]
    few = replace(USUAL, test_images=400)
    assert few.runs is None
    assert few.sentences[0].startswith("even 1,000 runs of each experiment do not find a difference of 2 points")
    assert "endless runs would find 3.1 points, and" in few.sentences[0]


def test_without_results_it_assumes(tmp_path):
    plan = plan_study(STUDY, tmp_path / "out", engine=Prepared({}))
    found = plan_comparison(plan, None)
    assert found == PlannedComparison(0.02, 0.01, 0.05, 30, 2)
    given = plan_comparison(plan, None, difference=0.05, seed_deviation=0.03)
    assert (given.difference, given.seed_deviation, given.measured) == (0.05, 0.03, (False, False))
    published = replace(plan, study=replace(STUDY, published={"a": Published(0.9)}, margin=0.01))
    assert plan_comparison(published, None).disagreement == pytest.approx(0.2 * 0.9 * 0.1)
    assert plan_comparison(published, None).difference == 0.01
    alone = plan_study(STUDY, tmp_path / "out", only=("a",), engine=Prepared({}))
    assert plan_comparison(alone, None) is None


def test_finished_runs_say_how_much_accuracies_vary(tmp_path):
    engine = Prepared({name: lambda seed: 0.5 + 0.1 * seed for name in "abc"})
    run_study(STUDY, tmp_path / "out", engine=engine, listener=engine)
    results = read_results(tmp_path / "out")
    plan = plan_study(STUDY, tmp_path / "out", engine=engine)
    found = plan_comparison(plan, results)
    assert found.measured == (True, True)
    assert found.seed_deviation == pytest.approx(np.sqrt(results.samples["a"].seeds.variance))
    assert found.disagreement == pytest.approx(30 * error_of(results.samples["b"], results.samples["a"]).images)
    assert plan_comparison(plan, results, seed_deviation=0.03).measured == (False, True)
