"""The findings of a study, in sentences."""

import re
from dataclasses import replace

import pytest

from kerasclf.report import read_results
from kerasclf.report.comparisons import between_neighbours
from kerasclf.report.findings import findings


@pytest.fixture
def results(folder):
    return read_results(folder.path)


def first_finding(results):
    return findings(results, between_neighbours(results))[0]


def test_the_findings_are_sentences(results):
    assert findings(results, between_neighbours(results)) == [
        "Chosen on the validation set: second. Its test accuracy is 75.0% (95 % interval 11.5% to 100.0%, 2 runs).",
        # Differences of 0.3 and 0.2: mean 0.25, t(1) = 12.7, standard error 0.05.
        "second and first are not significantly different: +25.0 points (95 % interval −38.5 to +88.5, 2 runs each). "
        "About 3 repeats would be needed to show this difference.",
    ]


def test_a_single_experiment_has_no_findings(results):
    assert findings(replace(results, experiments=results.experiments[:1]), []) == []


def test_a_choice_on_the_test_set_states_its_bias(results):
    sentence = first_finding(replace(results, study={**results.study, "protocol": "published"}))
    assert sentence.startswith(
        "Chosen on the test set, as in the original study: second. Its test accuracy is 75.0% (95 % interval "
    )
    assert re.search(r"This choice overestimates the accuracy by up to \d+\.\d points\.$", sentence)


def test_a_choice_on_the_validation_set_states_the_drop_on_the_test_set(results):
    published = replace(
        results, study={**results.study, "protocol": "published", "published_metric": "validation_accuracy"}
    )
    assert first_finding(published).endswith(" and is not lower.")
    for run in published.chosen.runs:
        run.metrics["validation_accuracy"] = 0.9
    sentence = first_finding(published)
    assert sentence.startswith(
        "Chosen and reported on the validation set, as in the original study: second. Its validation accuracy is 90.0%."
        " Its test accuracy is 75.0%"
    )
    assert sentence.endswith(": 15.0 points lower, due to chance and selection.")
