"""The findings of a study, in sentences."""

import re
from dataclasses import replace

import pytest

from kerasclf.report import read_results
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.findings import collapse_sentences, findings, published_sentences
from kerasclf.report.statistics.intervals import Interval


@pytest.fixture
def results(folder):
    return read_results(folder.path)


def first_finding(results):
    return findings(results, compare_contrasts(results))[0]


def test_the_findings_are_sentences(results):
    assert findings(results, compare_contrasts(results)) == [
        "Chosen on the validation set: second. Its test accuracy is 75.0% (95 % interval 47.3% to 100.0%, 2 runs).",
        "second and first cannot be told apart: +25.0 points (−44.2 to +94.2). This study would find 82.2 points or "
        "more in four of five cases; more runs lower this.",
    ]


def test_folds_are_not_chosen_among(results):
    first, second = results.experiments
    for experiment, value in ((first, 0.5), (second, 0.75)):
        for run in experiment.runs:
            run.metrics["validation_accuracy"] = value
    none = replace(results, study={**results.study, "compare": []})
    assert none.choice == ""
    assert findings(none, [])[0] == (
        "No experiment is chosen, because the study compares none. The validation accuracies range from 50.0% to "
        "75.0%, with a mean of 62.5%."
    )
    assert results.choice == second.name


@pytest.mark.parametrize(
    ("curves", "collapsed", "last"),
    [
        ([(0.9, 0.4), (0.3, 0.8)], "1 of 2 runs", "40.0%"),
        ([(0.9, 0.4), (0.8, 0.3)], "2 of 2 runs", "30.0%"),
        ([(0.9, 0.5), (0.6, 0.3)], "", ""),  # a quarter of the gain is left; the best is too close to chance
    ],
)  # fmt: skip
def test_a_training_that_lost_what_it_had_learnt_is_named(results, curves, collapsed, last):
    assert results.chance == 1 / 3
    for run, values in zip(results.experiments[1].runs, curves, strict=True):
        run.history["val_accuracy"] = values
    expected = [
        f"The training of second collapsed in {collapsed}: its best validation accuracy is 90.0%, and that of the last "
        f"epoch {last}. Try a lower learning rate or clip_norm."
    ]
    assert collapse_sentences(results) == (expected if collapsed else [])
    assert set(collapse_sentences(results)) <= set(findings(results, compare_contrasts(results)))


def test_few_validation_images_cannot_tell_experiments_apart(results):
    for run in results.chosen.runs:
        run.description["data"]["images"]["validation"] = 99
    assert first_finding(results).endswith(
        " 99 validation images cannot tell the experiments apart: another may be as good."
    )


@pytest.mark.parametrize(
    ("published", "sentence"),
    [
        (0.5, "would give 0.350 to 0.650; the published 0.5 lies inside: no disagreement."),
        (0.35, "would give 0.3502 to 0.6500; the published 0.35 lies outside. Ours are trained with Keras 3 under the "
               "sound protocol; the notes say what else differs."),
    ],
)  # fmt: skip
def test_a_published_figure_is_compared_with_one_more_run(results, monkeypatch, published, sentence):
    monkeypatch.setattr(type(results), "comparable", True)
    monkeypatch.setattr("kerasclf.report.findings.prediction", lambda sample: Interval(0.5, 0.3502, 0.65))
    experiments = tuple(replace(e, published=e.published and {"accuracy": published}) for e in results.experiments)
    assert published_sentences(replace(results, experiments=experiments)) == [f"first: one more run of ours {sentence}"]


def test_published_figures_on_other_data_get_no_sentence(results):
    assert published_sentences(results) == []


def test_a_single_experiment_has_no_findings(results):
    assert findings(replace(results, experiments=results.experiments[:1]), []) == []


def test_a_choice_on_the_test_set_states_its_bias(results):
    sentence = first_finding(replace(results, study={**results.study, "protocol": "published"}))
    assert sentence.startswith(
        "Chosen on the test set, as in the original study: second. Its test accuracy is 75.0% (95 % interval "
    )
    assert re.search(r"This choice overestimates the accuracy by (up to \d+\.\d|less than 0\.1) points\.$", sentence)


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
