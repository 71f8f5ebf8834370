"""A continued model next to the earlier one, in sentences."""

from dataclasses import replace

import numpy as np

from kerasclf.report import read_results, write_report
from kerasclf.report.continued import continued_findings
from kerasclf.report.findings import findings


def continued(results, correct):
    """The results in which the first experiment continued a model that is right on the first `correct` images."""
    first, *others = results.experiments
    runs = []
    for run in first.runs:
        predicted = np.where(np.arange(30) < correct, run.labels, (run.labels + 1) % 3)
        data = {**run.description["data"], "new_images": {"train": 20, "validation": 4, "test": 6}}
        description = {**run.description, "data": data}
        runs.append(replace(run, earlier_probabilities=np.eye(3)[predicted], description=description))
    return replace(results, experiments=(replace(first, runs=tuple(runs)), *others))


def one_run(results, correct):
    """The results of the first run of the first experiment alone."""
    first = continued(results, correct).experiments[0]
    return replace(results, experiments=(replace(first, runs=first.runs[:1]),))


def test_studies_that_continue_nothing_have_no_such_sentences(folder):
    assert continued_findings(read_results(folder.path)) == []


def test_both_models_are_compared_on_the_same_images(folder):
    results = one_run(read_results(folder.path), correct=30)
    accuracy, comparison = findings(results, [])
    assert accuracy == (
        "first has a test accuracy of 40.0% after the training was continued. The earlier model has 100.0% on the "
        "same 30 test images, of which 6 are new."
    )
    assert comparison.startswith(
        "On these 30 images this network of first does worse than this one of the earlier training by 60.0 points ("
    )


def test_several_runs_are_compared_with_the_one_earlier_model(folder):
    *_, accuracy, comparison = findings(continued(read_results(folder.path), correct=12), [])
    assert accuracy.startswith("first has a test accuracy of 50.0% after the training was continued. The earlier model")
    assert "has 40.0% on" in accuracy
    assert "first and the earlier training cannot be told apart: +10.0 points" in comparison


def test_the_page_counts_the_new_images(folder, nothing_drawn, tmp_path):
    page = write_report(one_run(read_results(folder.path), correct=12), tmp_path / "report")
    assert "<li>new images <b>20</b> training, <b>4</b> validation, <b>6</b> test</li>" in page.read_text()
    assert "30 test images; new: 20 training, 4 validation, 6 test)" in (page.parent / "report.md").read_text()
