"""A report on classes of unequal size leads with balanced accuracy and macro F1, and says why."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from kerasclf import Experiment, Study, TrainConfig
from kerasclf.report import read_results, write_report
from kerasclf.report.console_table import console_table
from kerasclf.report.evaluation.evaluation_findings import evaluation_findings
from kerasclf.report.experiment_intervals import interval_of
from kerasclf.report.figures.study_figures import draw_bars
from kerasclf.report.findings import findings
from kerasclf.report.imbalance import imbalance_of
from kerasclf.report.statistics.intervals import balanced_interval
from kerasclf.report.summary import summarise
from kerasclf.runs.metrics import balanced_accuracy, macro_f1
from kerasclf.studies.study_folder import StudyFolder
from tests.conftest import make_subset
from tests.report.evaluation.test_evaluation_findings import evaluation, model
from tests.report.run_folders import write_run

NOTE = (
    "Balanced accuracy and macro F1 come first, because image has 5 times as many test images as label (10 and 2). "
    "Predicting image for every image has an accuracy of 83.3% and a balanced accuracy of 50.0%."
)


@pytest.fixture
def folder(tmp_path):
    """Two experiments on 10, 2 and 0 test images of three classes: 9 of 12 correct, 8 of 12 correct."""
    images = make_subset(30, shape=(2, 2, 3))
    test = images.take(np.flatnonzero(images.labels < 2)[[*range(0, 20, 2), 1, 3]])
    experiments = {"one": Experiment(), "two": Experiment(train=TrainConfig(epochs=2))}
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("unequal", "Unequal", "Why?", experiments, seeds=(0,)))
    for (name, experiment), accuracy in zip(experiments.items(), (9 / 12, 8 / 12), strict=True):
        write_run(folder, name, experiment, 0, accuracy, test)
    return folder


def test_classes_that_differ_by_more_than_a_factor_of_three_are_unequal():
    assert imbalance_of(np.array([0] * 3 + [1]), "ab") is None
    found = imbalance_of(np.array([1] * 7 + [0] * 2), "abc")
    assert (found.largest, found.most, found.smallest, found.fewest, found.classes) == ("b", 7, "a", 2, 2)


def test_the_balanced_accuracy_is_the_mean_recall_of_the_classes_with_images():
    assert balanced_accuracy(np.array([0, 0, 0, 0, 2]), np.eye(3)[[0, 0, 0, 1, 2]]) == pytest.approx((0.75 + 1) / 2)
    assert balanced_accuracy(np.array([0, 0, 0, 0, 2]), np.eye(3)[[0, 0, 0, 1, 1]]) == pytest.approx(0.75 / 2)


def test_the_metric_of_an_older_run_is_computed(folder):
    (run,) = read_results(folder.path).experiments[0].runs
    assert run.metrics["test_balanced_accuracy"] == balanced_accuracy(run.labels, run.probabilities)


def test_the_table_starts_with_the_leading_metrics(folder):
    results = read_results(folder.path)
    table = summarise(results)
    first = list(table)[4:10]
    assert first[0] == "test_balanced_accuracy"
    assert first.index("test_macro_f1") < list(table).index("test_accuracy")
    run = results.experiments[0].runs[0]
    recalls = np.array([run.correct[run.labels == label].mean() for label in (0, 1)])
    expected = balanced_interval(np.array([10, 2]), recalls)
    assert (table["test_balanced_accuracy"][0], table["test_balanced_accuracy_low"][0]) == pytest.approx(expected[:2])


def test_more_runs_do_not_hide_a_class_of_two_images(folder):
    """Both of its images are always correct: no variance, but two images say little."""
    results = read_results(folder.path)
    one = results.experiments[0]
    perfect = np.eye(3)[one.runs[0].labels]
    runs = tuple(replace(one.runs[0], seed=seed, probabilities=perfect) for seed in range(3))
    found = interval_of(results, replace(one, runs=runs), "test_balanced_accuracy")
    assert (found.value, found.low) == pytest.approx(balanced_interval(np.array([10, 2]), np.ones(2))[:2])
    assert found.low < 0.7


def test_the_console_leads_with_balanced_accuracy(folder):
    console = Console(width=160)
    with console.capture() as capture:
        console.print(console_table(read_results(folder.path)))
    printed = " ".join(capture.get().split())
    assert printed.index("balanced") < printed.index("macro F1") < printed.index("validation")
    assert NOTE in printed


def test_the_page_leads_with_balanced_accuracy(folder, nothing_drawn, tmp_path):
    results = read_results(folder.path)
    page = write_report(results, tmp_path / "report").read_text()
    headings = re.findall("<th.*?>(.*?)</th>", page[page.index("<h2>Leaderboard") :])
    assert [heading.replace("<br>", " ") for heading in headings[1:4]] == [
        "balanced accuracy", "macro F1", 'test accuracy <span class="of">images like these</span>',
    ]  # fmt: skip
    assert page.count('<th class="wide">macro<br>F1</th>') == 0
    assert NOTE in page
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert "| experiment | balanced accuracy, 95 % interval | macro F1, 95 % interval | test accuracy" in markdown
    assert NOTE in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in rows[:3]}) == 1
    saved = pd.read_csv(tmp_path / "report" / "summary.csv")
    assert list(saved)[4] == "test_balanced_accuracy"
    first = findings(results, [])
    run = results.chosen.runs[0]
    balanced, f1 = (metric(run.labels, run.probabilities) for metric in (balanced_accuracy, macro_f1))
    assert first[0].startswith(f"one has a balanced accuracy of {balanced:.1%} (95 % interval ")
    assert f"and a macro F1 of {f1:.3f} (" in first[0]
    assert first[0].endswith("Its accuracy is 75.0%.")
    assert first[1:3] == [NOTE, "The choice of an experiment, the comparisons and their p-values go by accuracy."]


def test_the_figure_shows_balanced_accuracy(folder):
    figure = draw_bars(read_results(folder.path))
    assert figure.axes[0].get_xlabel().startswith("Balanced test accuracy on shapes (drawn)")
    assert [text.get_text() for text in figure.legends[0].texts] == ["one class for all: 50.0%"]


def test_classes_of_similar_size_change_nothing(tmp_path):
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("equal", "Equal", "Why?", {"one": Experiment()}, seeds=(0,)))
    write_run(folder, "one", Experiment(), 0, 0.5)
    results = read_results(folder.path)
    assert results.imbalance is None
    assert findings(results, []) == []
    assert list(summarise(results))[4] == "published_accuracy"


def test_an_evaluation_leads_with_balanced_accuracy():
    """100 of 120 images of class 0 are correct, and none of 20 of class 1."""
    one = evaluation(model("a", 100, images=140), images=140)
    labels = np.array([0] * 120 + [1] * 20)
    found = replace(one, labels=labels, models=(model("a", 100, images=140),))
    table = found.table()
    assert list(table)[2:7] == [
        "balanced_accuracy", "balanced_accuracy_low", "balanced_accuracy_high", "macro_f1", "accuracy",
    ]  # fmt: skip
    recalls = np.array([100 / 120, 20 / 20])
    assert table["balanced_accuracy"][0] == pytest.approx(recalls.mean())
    sentences = evaluation_findings(found)
    assert sentences[0].startswith("a has a balanced accuracy of 91.7% (95 % interval ")
    assert sentences[1].startswith("Balanced accuracy and macro F1 come first, because cat has 6 times as many test")
    assert sentences[2].startswith("a classifies 85.7% of 140 images correctly")
