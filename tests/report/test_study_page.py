"""The page of a study, its Markdown and its files."""

import csv
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html import escape as html_escape

import numpy as np
import pandas as pd
import pytest

from kerasclf import Augmentation, Experiment, Study, TrainConfig
from kerasclf.escaping import visible
from kerasclf.files.reading import file_digest, read_json
from kerasclf.files.writing import write_json
from kerasclf.report import page_parts, read_results, write_report
from kerasclf.report.experiment_results import ExperimentResults
from kerasclf.report.figures.study_figures import draw_confusion
from kerasclf.report.figures.themes import figure_bytes
from kerasclf.report.page_parts import by_class
from kerasclf.report.study_notes import shared_note
from kerasclf.studies.refit import Refit
from kerasclf.studies.study_folder import StudyFolder
from tests.report.run_folders import BEFORE_CLASSES, with_classes, with_top5, write_run


def test_the_page_is_self_contained(folder, tmp_path):
    page = write_report(read_results(folder.path), tmp_path / "report").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "http" not in re.sub(r'"data:[^"]*"', "", page)
    figures = "bars", "differences", "curves", "probabilities", "confusion_first", "confusion_second"
    assert {p.name for p in (tmp_path / "report").iterdir()} == {
        "index.html", "report.md", "summary.csv", *(f"{name}.{form}" for name in figures for form in ("png", "svg")),
    }  # fmt: skip


def test_the_page_shows_names_results_and_limits(folder, nothing_drawn, tmp_path):
    page = write_report(read_results(folder.path), tmp_path / "report").read_text()
    assert "A &lt;small&gt; study" in page
    assert "<td>&lt;b&gt;</td>" in page
    assert "The published figures were measured on cifar100:25 and are not comparable." in page
    assert '0.5000 <span class="of">0.000–1.000</span>' in page  # an interval of two runs is wide
    assert '<tr class="best"><td>second</td>' in page
    assert "A note." in page
    assert "A CPU, 2 cores" in page
    assert "train.epochs" in page
    assert "p: probability of a difference at least this large" in page
    headings = ["Findings", "Leaderboard", "Differences between experiments", "Learning curves", "Errors",
                "Probabilities", "Cost per run", "Changed settings", "Experiments in detail", "How to reproduce",
                "Words"]  # fmt: skip
    assert re.findall("<h2>(.*?)</h2>", page) == headings


def test_the_page_says_what_runs_took_that_shared_epochs(folder, study, nothing_drawn, tmp_path):
    results = read_results(folder.path)
    assert shared_note(results) == ""
    first, *others = results.experiments
    shared = replace(first.runs[0], metrics={**first.runs[0].metrics, "seconds_taken": 0.25})
    results = replace(results, experiments=(replace(first, runs=(shared, *first.runs[1:])), *others))
    note = (
        "Seconds are those of a run alone. 1 run took epochs from other runs, which train alike up to there: all runs "
        "together took 6 s instead of 8 s."
    )
    assert note in write_report(results, tmp_path / "report").read_text()
    assert note in (tmp_path / "report" / "report.md").read_text()


def test_the_page_counts_the_runs_on_each_kind_of_hardware(folder, nothing_drawn, tmp_path):
    results = read_results(folder.path)
    first, *others = results.experiments
    gpu = {**first.runs[0].environment, "gpus": ["NVIDIA H200"]}
    moved = replace(first, runs=(replace(first.runs[0], environment=gpu), *first.runs[1:]))
    results = replace(results, experiments=(moved, *others))
    write_report(results, tmp_path / "report")
    written = (tmp_path / "report" / "report.md").read_text()
    assert "Hardware: A CPU, 2 cores (3 runs); 1 × NVIDIA H200 (1 run)." in written


@pytest.mark.parametrize(
    ("changed", "words"),
    [((), ""), (("second",), ", on augmented images for experiments with augmentation"),
     (("first", "second"), ", on augmented images")],
)  # fmt: skip
def test_the_curves_name_augmentation_only_where_there_is_some(tmp_path, nothing_drawn, changed, words):
    flips = Augmentation(horizontal_flip=True)
    plain = {"first": Experiment(), "second": Experiment(train=TrainConfig(epochs=2))}
    experiments = {name: one.but(augmentation=flips) if name in changed else one for name, one in plain.items()}
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("small", "Small", "Why?", experiments))
    for name, experiment in experiments.items():
        write_run(folder, name, experiment, 0, 0.5)
    page = write_report(read_results(folder.path), tmp_path / "report").read_text()
    assert f"Training values are averages over each epoch{words}. Validation values" in page


def test_a_final_model_is_shown_with_the_accuracy_of_its_recipe(folder, nothing_drawn, tmp_path):
    final = Refit("a<b>", "refit/a-1/seed-0/model.keras", 1200, 20, 3, 0.871, 0.0213)
    write_json(folder.path / "refit.json", {**final.to_dict(), "description": final.sentence})
    page = write_report(read_results(folder.path), tmp_path / "report")
    words = (
        "trained on all 1,200 images in 20 epochs: {}refit/a-1/seed-0/model.keras{}. Its test accuracy is that of the "
        "recipe: 0.87 ± 0.02 (n = 3), measured on images that the runs did not see."
    )
    assert "<h2>Final model</h2>\n<p>a&lt;b&gt;, " + words.format("<code>", "</code>") in page.read_text()
    assert "## Final model\n\na&lt;b&gt;, " + words.format("`", "`") in (page.parent / "report.md").read_text()


def test_a_reduced_form_is_marked(folder, nothing_drawn, tmp_path):
    results = read_results(folder.path)
    some = replace(results, study={**results.study, "reductions": ["8 epochs instead of 50"]})
    page = write_report(some, tmp_path / "report").read_text()
    assert "<li>size <b>reduced</b></li>" in page
    assert "Protocol: sound, reduced size." in (tmp_path / "report" / "report.md").read_text()


def test_published_validation_accuracies_keep_their_wording(folder, nothing_drawn, tmp_path):
    results = read_results(folder.path)
    published = {"accuracy": 0.5, "loss": None, "wording": "about 50 %"}
    worded = replace(
        results,
        study={**results.study, "published_metric": "validation_accuracy", "published_data": "shapes"},
        experiments=(replace(results.experiments[0], published=published), results.experiments[1]),
    )
    page = write_report(worded, tmp_path / "report").read_text()
    assert "published<br>validation accuracy" in page
    assert "<td>about 50 %</td>" in page


def test_top5_accuracy_is_shown_if_a_run_has_it(folder, nothing_drawn, tmp_path):
    page = write_report(with_top5(read_results(folder.path), None, 0.9375), tmp_path / "report")
    assert "top-5<br>accuracy</th>" in page.read_text()
    assert ">0.9375</td>" in page.read_text()
    table = pd.read_csv(tmp_path / "report" / "summary.csv").set_index("experiment")["test_top5_accuracy"]
    assert pd.isna(table["first"])
    assert table["second"] == 0.9375
    assert re.search(r"\| top-5 accuracy \|.*\| \*\*second\*\* \| – \| \S+ \S+ \| 0\.9375 \|",
                     (tmp_path / "report" / "report.md").read_text(), re.DOTALL)  # fmt: skip


def test_top5_accuracy_has_no_column_if_no_run_has_it(folder, nothing_drawn, tmp_path):
    page = write_report(read_results(folder.path), tmp_path / "report")
    texts = page.read_text(), (page.parent / "report.md").read_text(), (page.parent / "summary.csv").read_text()
    assert not any(re.search("top-5|top5_", text) for text in texts)


def test_markdown_has_the_same_content(folder, no_figures, tmp_path):
    write_report(read_results(folder.path), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "# A &lt;small&gt; study" in text
    assert "| **second** | – | 0.7500 (0.473–1.000) |" in text
    assert "cannot be told apart: +25.0 points (−44.2 to +94.2)." in text
    assert "p: probability of a difference at least this large" in text
    for name in re.findall(r"\]\((.*?)\)", text):
        assert (tmp_path / "report" / name).exists()


def test_of_many_classes_the_worst_are_listed_and_the_others_folded(folder):
    run = read_results(folder.path).first_run
    listed = by_class(with_classes(run, 41))
    assert [len(listed["shown"]), len(listed["folded"])] == [20, 21]
    assert {row[0][-2:] for row in listed["shown"][:2]} == {"39", "40"}
    assert max(row[3] for row in listed["shown"]) <= min(row[3] for row in listed["folded"])
    few = by_class(with_classes(run, 40))
    assert [row[0][-2:].strip() for row in few["shown"]] == [str(i) for i in range(40)]
    assert few["folded"] == []


def test_a_phone_gets_narrow_figures(folder, tmp_path, monkeypatch):
    drawn = []

    def draw(theme, narrow):
        drawn.append((theme, narrow))
        return (theme, narrow)

    monkeypatch.setattr(page_parts, "save_figure", lambda figure, path: {"svg": repr(figure).encode()})
    monkeypatch.setattr(page_parts, "figure_bytes", lambda figure, form: repr(figure).encode())
    urls = page_parts.themed_figure(draw, tmp_path / "bars")
    assert sorted(drawn) == [("dark", False), ("dark", True), ("light", False), ("light", True)]
    assert urls["narrow_dark"] == page_parts.data_url(b"('dark', True)", "svg+xml")
    macro = page_parts.templates(escape=True).get_template("picture.html.j2").module.themed
    sources = re.findall(r'media="([^"]*)" srcset="([^"]*)"', macro(urls, "Bars"))
    # A browser takes the first source that fits.
    assert [(media.count("max-width"), media.count("dark"), url) for media, url in sources] == [
        (1, 1, urls["narrow_dark"]), (1, 0, urls["narrow_light"]), (0, 1, urls["dark"]),
    ]  # fmt: skip


ODD = (
    "$10_$20",
    "$x_{",
    "[old]",
    "a[/b]",
    "=cmd()",
    "<script>alert(1)</script>",
    "a|b",
    "`c`",
    "\x1b[31mred",
    "犬" * 9,
)


def renamed(folder, names):
    """Gives the runs of a study other class names, as many as before."""
    for run in folder.path.glob("runs/*/seed-*"):
        described = read_json(run / "experiment.json")
        lines = (run / "predictions.csv").read_text().splitlines()[1:]
        with (run / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow([*BEFORE_CLASSES, *(f"p_{name}" for name in names)])
            file.write("\n".join(lines) + "\n")
        digest = file_digest(run / "predictions.csv")
        files = {**described["files"], "predictions.csv": digest}
        write_json(run / "experiment.json", {**described, "class_names": list(names), "files": files})


@pytest.mark.parametrize("start", range(0, len(ODD), 3))
def test_a_class_may_have_any_name(folder, nothing_drawn, tmp_path, start):
    names = (ODD * 2)[start : start + 3]
    renamed(folder, names)
    html = write_report(read_results(folder.path), tmp_path / "report").read_text()
    markdown = (tmp_path / "report" / "report.md").read_text()
    assert "<script>alert" not in html + markdown
    assert "\x1b" not in html + markdown
    for name in names:
        assert f"<td>{html_escape(visible(name)).replace('&#x27;', '&#39;')}</td>" in html
    rows = [line for line in markdown.splitlines() if line.startswith("| ") and "of 10 |" in line]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 5 for row in rows)


def test_a_confusion_matrix_may_have_any_names(folder):
    run = read_results(folder.path).first_run
    labels, description = np.arange(len(ODD)), {**run.description, "class_names": list(ODD)}
    odd = replace(run, labels=labels, probabilities=np.eye(len(ODD)), description=description)
    figure = draw_confusion(ExperimentResults("_odd", Experiment(), (odd,), None))
    ET.fromstring(figure_bytes(figure, "svg"))
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()][:2] == [r"\$10_\$20", r"\$x_{"]


def test_a_published_wording_is_no_formula(folder, nothing_drawn, tmp_path):
    held = read_json(folder.path / "study.json")
    held["published"]["first"]["wording"] = "=HYPERLINK(1)"
    write_json(folder.path / "study.json", held)
    write_report(read_results(folder.path), tmp_path / "report")
    assert pd.read_csv(tmp_path / "report" / "summary.csv")["published_wording"][0] == "'=HYPERLINK(1)"
