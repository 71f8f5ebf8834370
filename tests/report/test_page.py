"""The report, from run folders alone."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from kerasclf import Experiment, Split, Study, TrainConfig
from kerasclf.errors import FolderError
from kerasclf.files import write_json
from kerasclf.report import read_results, summarise, write_report
from kerasclf.report.changes import changes_between, settings_of
from kerasclf.report.comparisons import against_base, between_neighbours
from kerasclf.report.findings import findings
from kerasclf.report.rerun_commands import command_of, command_of_run
from kerasclf.report.themes import THEMES, figure_bytes
from kerasclf.runs.run_folder import seal, write_predictions
from kerasclf.studies import Published
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.training import EarlyStopping
from tests.conftest import make_subset

CLASSES = ("image", "label", "<b>")  # names that must not confuse a table or a page


def write_run(folder, name, experiment, seed, accuracy):
    subset = make_subset(30, shape=(2, 2, 3))
    rng = np.random.default_rng(seed)
    right = rng.permutation(30) < round(30 * accuracy)
    predicted = np.where(right, subset.labels, (subset.labels + 1) % 3)
    probabilities = np.full((30, 3), 0.1, np.float32)
    probabilities[np.arange(30), predicted] = 0.8
    run = folder.run(name, experiment.identity, seed).path
    run.mkdir(parents=True)
    pd.DataFrame(
        {"epoch": [1, 2], "loss": [2.0, 1.0], "accuracy": [0.3, accuracy], "val_loss": [2.1, 1.5],
         "val_accuracy": [0.3, accuracy], "learning_rate": 0.1, "seconds": 1.0, "images_per_second": 100.0}
    ).to_csv(run / "history.csv", index=False)  # fmt: skip
    write_predictions(run / "predictions.csv", subset, probabilities, CLASSES)
    write_json(
        run / "metrics.json",
        {"test_accuracy": accuracy, "test_loss": 1.0 + seed, "test_macro_f1": accuracy,
         "validation_accuracy": accuracy, "validation_loss": 1.5, "epochs": 2, "best_epoch": 2,
         "images_per_second": 100.0, "seconds": 2.0, "parameters": 1234},
    )  # fmt: skip
    write_json(run / "environment.json", {"python": "3", "system": "Linux", "packages": {"keras": "3"},
                                          "processor": "A CPU", "cores": 2, "gpus": []})  # fmt: skip
    seal(
        run,
        {"experiment": experiment.to_dict(), "seed": seed, "class_names": list(CLASSES), "finished": "today",
         "data": {"title": "shapes (drawn)", "manifest": "abc", "image_shape": [2, 2, 3],
                  "images": {"train": 1, "validation": 2, "test": 30}}},
    )  # fmt: skip


@pytest.fixture
def written(tmp_path):
    first, second = Experiment(), Experiment(train=TrainConfig(epochs=2))
    study = Study(
        "small", "A <small> study", "Why?", {"first": first, "second": second},
        published={"first": Published(0.5, 1.25)}, published_data="cifar100:25", notes=("A note.",), seeds=(0, 1),
    )  # fmt: skip
    folder = StudyFolder(tmp_path / "study")
    folder.claim(study)
    for name, experiment, accuracies in (("first", first, (0.4, 0.6)), ("second", second, (0.7, 0.8))):
        for seed, accuracy in enumerate(accuracies):
            write_run(folder, name, experiment, seed, accuracy)
    return folder, study


def test_the_table_has_means_and_deviations(written):
    table = summarise(read_results(written[0].path)).set_index("experiment")
    assert table.loc["first", "test_accuracy"] == pytest.approx(0.5)
    assert table.loc["first", "test_accuracy_std"] == pytest.approx(np.std([0.4, 0.6], ddof=1))
    assert table.loc["first", "published_loss"] == 1.25
    assert pd.isna(table.loc["second", "published_accuracy"])
    assert table["runs"].tolist() == [2, 2]
    assert set(table["data"]) == {"shapes (drawn)"}
    assert not table["comparable"].any()


def test_the_page_needs_nothing_else(written, tmp_path):
    page = write_report(read_results(written[0].path), tmp_path / "report").read_text()
    assert not re.findall(r"""(?:src|href)=["'](?!data:)""", page)
    assert "http" not in re.sub(r'"data:[^"]*"', "", page)
    figures = "bars", "differences", "curves", "confusion_first", "confusion_second"
    assert {p.name for p in (tmp_path / "report").iterdir()} == {
        "index.html", "report.md", "summary.csv", *(f"{name}.{form}" for name in figures for form in ("png", "svg")),
    }  # fmt: skip


def test_the_page_carries_names_figures_and_cautions(written, tmp_path):
    page = write_report(read_results(written[0].path), tmp_path / "report").read_text()
    assert "A &lt;small&gt; study" in page
    assert "<td>&lt;b&gt;</td>" in page
    assert "published figures are from cifar100:25 and are not comparable" in page
    assert '0.5000 <span class="of">0.000–1.000</span>' in page  # two runs a fifth apart tell nothing
    assert '<tr class="best"><td>second</td>' in page
    assert "A note." in page
    assert "A CPU, 2 cores" in page
    assert "train.epochs" in page


def test_class_names_do_not_collide_with_columns(written):
    results = read_results(written[0].path)
    assert results.first_run.class_names == list(CLASSES)
    labels, probabilities = results.experiments[0].pooled
    assert probabilities.shape == (60, 3)
    assert labels.tolist() == list(np.arange(30) % 3) * 2


def test_same_data_is_comparable(written):
    results = read_results(written[0].path)
    same = replace(results, study={**results.study, "published_data": "shapes"})
    assert same.comparable
    assert same.caution == ""
    assert "quick" in replace(same, study={**same.study, "quick": True}).caution


def test_a_part_of_the_data_is_not_comparable(written):
    results = read_results(written[0].path)
    fewer = results.experiments[0].experiment.but(split=Split(train_per_class=20))
    some = replace(results, experiments=(replace(results.experiments[0], experiment=fewer),),
                   study={**results.study, "published_data": "shapes"})  # fmt: skip
    assert not some.comparable
    assert "from all of shapes and are not comparable" in some.caution


def test_a_reduced_form_says_what_is_less_and_stands_beside_no_published_figure(written, tmp_path):
    results = read_results(written[0].path)
    full = replace(results, study={**results.study, "published_data": "shapes"})
    assert full.comparable
    some = replace(full, study={**full.study, "reduced": ["8 epochs in place of 50", "resnet18 in place of resnet50"]})
    assert not some.comparable
    assert some.caution == (
        "This is a reduced form: 8 epochs in place of 50; resnet18 in place of resnet50. "
        "The published figures are not comparable."
    )
    page = write_report(some, tmp_path / "report").read_text()
    assert "<li>form <b>reduced</b></li>" in page
    assert "Protocol: sound, reduced form." in (tmp_path / "report" / "report.md").read_text()
    assert summarise(some)["reduced"].all()


def test_what_was_published_in_words_or_of_the_validation_part_is_shown_as_that(written, tmp_path):
    results = read_results(written[0].path)
    figures = {"accuracy": 0.5, "loss": None, "wording": "about 50 %"}
    worded = replace(
        results,
        study={**results.study, "published_metric": "validation_accuracy", "published_data": "shapes"},
        experiments=(replace(results.experiments[0], published=figures), results.experiments[1]),
    )
    page = write_report(worded, tmp_path / "report").read_text()
    assert "published<br>validation accuracy" in page
    assert "<td>about 50 %</td>" in page
    assert summarise(worded)["published_wording"].dropna().tolist() == ["about 50 %"]
    assert "published_wording" not in summarise(results)


def test_an_author_without_a_test_part_chose_by_validation_and_the_page_says_what_that_flatters(written):
    results = read_results(written[0].path)
    published = replace(
        results, study={**results.study, "protocol": "published", "published_metric": "validation_accuracy"}
    )
    for run in published.chosen.runs:
        run.metrics["validation_accuracy"] = 0.9
    sentence = findings(published, between_neighbours(published))[0]
    assert sentence.startswith(
        "Chosen by the validation accuracy and reported with it, as the original's author did: second, with 90.0%. On "
        "test images that nothing was chosen by it has 75.0%"
    )
    assert sentence.endswith(": 15.0 points less, by chance and by choice.")


def test_the_best_is_chosen_on_validation(written):
    assert read_results(written[0].path).chosen.name == "second"


def test_under_the_published_protocol_it_is_chosen_on_the_test_part_and_says_so(written):
    results = read_results(written[0].path)
    published = replace(results, study={**results.study, "protocol": "published"})
    sentence = findings(published, between_neighbours(published))[0]
    assert sentence.startswith(
        "Chosen on the test part, as the original's author did: second, with a test accuracy of 75.0%"
    )
    assert re.search(r"is flattered, here by up to \d+\.\d points\.$", sentence)


def test_what_was_found_is_said_in_words(written):
    results = read_results(written[0].path)
    assert findings(results, between_neighbours(results)) == [
        "Chosen on the validation part: second. Its test accuracy is 75.0% (95 % interval 11.5% to 100.0%, n = 2).",
        # Differences of 0.3 and 0.2: mean 0.25, t(1) = 12.7, standard error 0.05.
        "second and first are not distinguishable: +25.0 ± 63.5 points (n = 2); about 3 repeats would be needed.",
    ]


def run_with(run, right):
    predicted = np.where(np.arange(30) < right, run.labels, (run.labels + 1) % 3)
    return replace(run, probabilities=np.eye(3)[predicted], metrics={**run.metrics, "test_accuracy": right / 30})


def with_right(written, **right):
    """The study with, for each experiment, as many of 30 images right as given by seed; its other runs left out."""
    results = read_results(written[0].path)
    changed = [
        replace(e, runs=tuple(run_with(run, right[e.name][run.seed]) for run in e.runs if run.seed in right[e.name]))
        for e in results.experiments
    ]
    return replace(results, experiments=tuple(changed))


def test_single_runs_are_compared_over_the_test_images(written):
    (found,) = between_neighbours(with_right(written, first={0: 10}, second={0: 25}))
    assert found.difference.value == pytest.approx(0.5)
    assert found.difference.p == pytest.approx(2 * 0.5**15)  # fifteen gained, none lost
    assert found.real
    assert re.fullmatch(
        r"second is better than first by 50\.0 ± 1\d\.\d points \(one run each, over the test images\)\.", found.words
    )


def test_experiments_without_a_common_seed_are_not_compared(written):
    (found,) = against_base(with_right(written, first={0: 10}, second={1: 25}))
    assert not found.real
    assert found.words == "second and first have no seed in common and are not compared."


def test_clear_differences_are_told_with_their_interval(written):
    clear = with_right(written, first={0: 9, 1: 10}, second={0: 21, 1: 22})
    assert between_neighbours(clear)[0].words == "second is better than first by 40.0 ± 0.0 points (n = 2)."
    assert against_base(clear)[0].p_holm == 0


def with_top5(results, *figures):
    """The study whose experiments have, in all their runs, these figures; None for those that know none."""
    changed = [
        replace(e, runs=tuple(replace(r, metrics={**r.metrics, "test_top5_accuracy": figure}) for r in e.runs))
        if figure else e
        for e, figure in zip(results.experiments, figures, strict=True)
    ]  # fmt: skip
    return replace(results, experiments=tuple(changed))


def test_top5_accuracy_is_shown_where_a_run_knows_it(written, tmp_path):
    page = write_report(with_top5(read_results(written[0].path), None, 0.9375), tmp_path / "report")
    assert "<th>top-5<br>accuracy</th>" in page.read_text()
    assert "<td>0.9375</td>" in page.read_text()
    table = pd.read_csv(tmp_path / "report" / "summary.csv").set_index("experiment")["test_top5_accuracy"]
    assert pd.isna(table["first"])
    assert table["second"] == 0.9375
    assert re.search(r"\| top-5 accuracy \|.*\| \*\*second\*\* \| – \| \S+ \S+ \| 0\.9375 \|",
                     (tmp_path / "report" / "report.md").read_text(), re.DOTALL)  # fmt: skip


def test_top5_accuracy_has_no_column_where_none_knows_it(written, tmp_path):
    page = write_report(read_results(written[0].path), tmp_path / "report")
    written_down = page.read_text(), (page.parent / "report.md").read_text(), (page.parent / "summary.csv").read_text()
    assert not any(re.search("top-5|top5_", text) for text in written_down)


def test_what_changed_is_told_field_by_field():
    one = Experiment()
    other = one.but(model="basenet_deeper", train=one.train.but(learning_rate=0.1, early_stopping=EarlyStopping()))
    assert changes_between(one, other) == [
        ("model", '"basenet"', '"basenet_deeper"'),
        ("train.learning_rate", "null", "0.1"),
        ("train.early_stopping", "null", "–"),
        ("train.early_stopping.monitor", "–", '"val_loss"'),
        ("train.early_stopping.patience", "–", "5"),
        ("train.early_stopping.restore_best", "–", "true"),
    ]


def test_a_neighbour_is_the_earlier_experiment_that_is_most_alike():
    from kerasclf.report.changes import neighbours
    from kerasclf.report.study_results import ExperimentResults, StudyResults
    from kerasclf.studies import declare

    study = declare("ladder")
    results = StudyResults({}, tuple(ExperimentResults(name, e, (), None) for name, e in study.experiments.items()))
    assert [(after.name, before.name) for after, before in neighbours(results)] == [
        ("normalised", "base"),
        ("augmented", "normalised"),
        ("deeper", "augmented"),
        ("bn_before", "deeper"),
        ("bn_after", "bn_before"),
        ("stop_by_eye", "bn_before"),
        ("early_stopping", "stop_by_eye"),
    ]


def test_markdown_tells_the_same(written, tmp_path):
    write_report(read_results(written[0].path), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text()
    assert "# A <small> study" in text
    assert "| **second** | – | 0.7500 (0.115–1.000) |" in text
    assert "are not distinguishable: +25.0 ± 63.5 points" in text
    for name in re.findall(r"\]\((.*?)\)", text):
        assert (tmp_path / "report" / name).exists()


@pytest.mark.parametrize("theme", THEMES)
def test_figures_come_out_the_same_every_time(written, theme):
    from kerasclf.report.figures import draw_differences

    results = read_results(written[0].path)
    comparisons = against_base(results), between_neighbours(results)
    drawn = [figure_bytes(draw_differences(*comparisons, theme), "svg") for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert b"<svg" in drawn[0]


def test_settings_show_what_differs():
    experiment = Experiment(model="basenet_deeper", train=TrainConfig(epochs=3, learning_rate=0.1))
    shown = settings_of(experiment)
    assert shown["model"] == '"basenet_deeper"'
    assert (shown["train.epochs"], shown["train.learning_rate"]) == ("3", "0.1")
    assert shown["train.batch_size"] == "32"  # a default, but one by which an experiment is known
    assert "train.momentum" not in shown
    stopping = settings_of(Experiment(train=TrainConfig(early_stopping=EarlyStopping())))
    assert '"patience": 5' in stopping["train.early_stopping"]


def test_the_command_is_shown(written):
    results = read_results(written[0].path)
    assert command_of(results) == ""  # no command knows a study of one's own
    declared = replace(results, study={**results.study, "name": "ladder"})
    assert command_of(declared) == "kerasclf study ladder --data shapes --protocol sound --repeats 2"
    first = declared.experiments[0]
    assert command_of_run(declared, first, 1) == (
        "kerasclf study ladder --data shapes --protocol sound --seed 1 --only first"
    )
    one = replace(declared, experiments=declared.experiments[:1])
    assert command_of(one) == "kerasclf study ladder --data shapes --protocol sound --repeats 2 --only first"
    small = replace(declared, study={**declared.study, "small": True})
    assert command_of(small).endswith("--repeats 2 --reduced")
    thrice = replace(results, study={**results.study, "name": "convnext", "seeds": [0]})
    assert command_of(thrice).endswith("--repeats 1")  # its own number is three
    gaps = replace(declared, study={**declared.study, "seeds": [0, 5]})
    assert command_of(gaps) == ""


def test_a_folder_without_a_study(tmp_path):
    with pytest.raises(FolderError, match=r"study\.json is missing"):
        read_results(tmp_path)


def test_a_study_without_a_run(tmp_path):
    folder = StudyFolder(tmp_path / "study")
    folder.claim(Study("small", "S", "Why?", {"first": Experiment()}))
    with pytest.raises(FolderError, match="holds no finished run"):
        read_results(folder.path)


def test_a_damaged_run_is_named(written):
    folder, study = written
    run = folder.run("first", study.experiments["first"].identity, 1)
    (run.path / "metrics.json").write_text("{")
    with pytest.raises(FolderError, match=r"metrics\.json was changed after the run had ended"):
        read_results(folder.path)


def test_the_report_command_does_not_import_tensorflow(written):
    code = (
        "import sys; from kerasclf.cli import main; main(['report', sys.argv[1]]); "
        "sys.exit(3 if 'tensorflow' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(written[0].path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "not comparable" in done.stdout
