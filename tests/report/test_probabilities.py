"""The section on probabilities: calibrated where validation predictions were kept, otherwise as trained."""

import re
from dataclasses import replace

import pytest

from kerasclf.report import read_results, write_report
from kerasclf.report.figures.probability_figure import draw_probabilities
from kerasclf.report.probabilities import trusted_probabilities
from kerasclf.runs.metrics import cross_entropy
from tests.inference.simulated import overconfident


@pytest.fixture
def results(folder):
    return read_results(folder.path)


def with_validation(results, images=400, kept=2):
    """The chosen experiment alone, with simulated predictions; so many runs kept those of validation."""
    chosen = results.chosen
    runs = []
    for run in chosen.runs:
        labels, probabilities = overconfident(2000, 1.6, run.seed, classes=3)
        validation = overconfident(images, 1.6, 10 + run.seed, classes=3) if run.seed < kept else None
        runs.append(replace(run, labels=labels, probabilities=probabilities, validation=validation, examples=None))
    return replace(results, experiments=(replace(chosen, runs=tuple(runs)),))


def test_runs_without_validation_predictions_stay_as_trained(results):
    found = trusted_probabilities(results.chosen)
    assert [row["form"] for row in found.rows] == ["as trained"]
    assert found.best is found.as_trained
    assert found.sentences == [
        "The runs kept no predictions of validation images. Their probabilities are those of the network as trained, "
        "and nothing can be promised."
    ]
    assert trusted_probabilities(with_validation(results, kept=1).chosen).calibrated == ()


def test_without_a_temperature_there_is_one_row(results):
    found = trusted_probabilities(with_validation(results, images=24).chosen)
    assert [row["form"] for row in found.rows] == ["as trained"]
    assert found.sentences[0].startswith("No temperature can be fitted, and 1 is kept")


def test_temperature_scaling_lowers_all_errors_on_the_test_set(results):
    found = trusted_probabilities(with_validation(results).chosen)
    before, after = found.rows
    assert before["ece"].low > after["ece"].low == 0
    assert after["ece"].value < before["ece"].value
    assert after["brier"] < before["brier"]
    assert after["nll"] < before["nll"] == pytest.approx(sum(cross_entropy(*run) for run in found.as_trained) / 2)
    temperature, abstention, sets = found.sentences
    match = re.fullmatch(
        r"Temperature: (1\.\d\d) to (1\.\d\d) in single runs, fitted on 400 validation images\. The network was too "
        r"confident\.", temperature,
    )  # fmt: skip
    assert float(match[1]) < float(match[2])
    share, right = map(
        float, re.search(r"On the test set, (.*)% of images are answered, (.*)% of", abstention).groups()
    )
    assert 30 < share < 80
    assert 95 <= right < 100
    assert float(re.search(r"On the test set, (.*)% contain it", sets)[1]) == pytest.approx(95, abs=2)


def test_few_validation_images_promise_nothing(results):
    found = trusted_probabilities(with_validation(results, images=12).chosen)
    assert "cannot be promised from 12 validation images: at least 59 are needed" in found.sentences[1]
    assert "12 validation images cannot promise a coverage of 0.95" in found.sentences[2]


def test_the_page_shows_both_forms(results, nothing_drawn, tmp_path):
    page = write_report(with_validation(results), tmp_path / "report")
    markdown = (page.parent / "report.md").read_text()
    for text in (page.read_text(), markdown):
        assert "after temperature scaling" in text
        assert "On the test set" in text
    assert len(re.findall(r"^\| (?:as trained|after temperature scaling) \| \d", markdown, re.MULTILINE)) == 2


def test_the_figure_has_four_panels_or_two(results):
    found = trusted_probabilities(with_validation(results).chosen)
    titles = [axes.get_title() for axes in draw_probabilities(found).axes]
    assert titles == ["Reliability", "Accuracy against coverage", "ROC, each class against the others",
                      "Precision and recall"]  # fmt: skip
    labels = draw_probabilities(found, "dark", narrow=True).axes[0].get_legend_handles_labels()[1]
    assert labels == ["perfect", "as trained", "after temperature scaling"]
    one = replace(results.chosen, runs=tuple(replace(run, labels=0 * run.labels) for run in results.chosen.runs))
    assert len(draw_probabilities(trusted_probabilities(one)).axes) == 2
