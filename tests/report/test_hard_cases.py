"""Studies that allow few conclusions: their reports have numbers everywhere, and say what cannot be concluded."""

import io
import re
from dataclasses import replace

import matplotlib.text
import pytest
import rich.console
from matplotlib.figure import Figure

from kerasclf import Experiment, Study, TrainConfig
from kerasclf.data import Subset
from kerasclf.files.reading import read_json
from kerasclf.files.writing import write_json
from kerasclf.report import read_results, study_page, write_report
from kerasclf.report.console_table import console_table
from kerasclf.studies import Published
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_folder import StudyFolder
from tests.conftest import make_subset
from tests.report.run_folders import write_run

EXPERIMENTS = {name: Experiment(train=TrainConfig(epochs=epochs)) for epochs, name in enumerate("abc", 1)}
FLAWED = {"a": Experiment(), "b": Experiment(flaws=("duplicates",)), "c": Experiment(augment_validation=True)}
LESSONS = {
    "b": Lesson("a", "It was seen.", "Hash it.", metric="leaked_accuracy", leaks=True),
    "c": Lesson("a", "It is another.", "Compare.", metric="validation_accuracy"),
    "best": Lesson("a", "It is the best.", "Compare.", metric="best_validation_accuracy"),
}
PUBLISHED = {"published": {"a": Published(0.5)}, "published_data": "shapes"}
OPEN = "b and a cannot be told apart"
ONE_RUN = "A single run says nothing of other seeds"


def images(count, classes=3, prefix=""):
    subset = make_subset(count, classes, shape=(2, 2, 3))
    return Subset(subset.images, subset.labels, tuple(prefix + name for name in subset.names))


# Accuracies of a's, b's and c's runs, arguments of the study, those of all runs, those of b's runs; what the page says.
CASES = {
    "one run": ([(0.5,), (0.7,)], {}, {}, {}, (ONE_RUN, "One run each says nothing of other seeds.")),
    "one run alone": ([(0.5,)], {}, {}, {}, (ONE_RUN,)),
    "two runs that agree": ([(0.5, 0.5), (0.5, 0.5)], {}, {}, {}, (OPEN,)),
    "other test images": ([(0.5, 0.6), (0.5, 0.7)], {}, {}, {"test": images(20)}, ("their test images differ",)),
    "other classes": ([(0.5, 0.6), (0.5, 0.7)], {}, {}, {"classes": ("x", "y", "z")},
                      ("their classes differ", "none is the best")),
    "one and three runs": ([(0.5,), (0.7, 0.8, 0.9)], {}, {}, {}, ("a has a single run; seeds are assumed",)),
    "all wrong": ([(0, 0, 0), (0, 0, 0)], {}, {}, {}, (OPEN,)),
    "all right": ([(1, 1, 1), (1, 1, 1)], {}, {}, {}, (OPEN,)),
    "wrong and right": ([(0, 0, 0), (1, 1, 1)], {}, {}, {}, ("b is better than a by 100.0 points",)),
    "one test image a class": ([(1 / 3, 2 / 3), (2 / 3, 1)], {}, {"test": images(3)}, {},
                               (OPEN, "too few runs to find a difference of any size")),
    "one test image": ([(1,), (0,)], {}, {"test": images(1)}, {}, ("On this single image", "cannot be told apart")),
    "two classes": ([(0.5, 0.6), (0.7, 0.9)], {}, {"test": images(30, 2), "classes": ("x", "y")}, {}, (OPEN,)),
    "a class that never occurs": ([(0.5, 0.6), (0.7, 0.9)], {}, {"test": images(30, 2)}, {}, (OPEN,)),
    "interrupted": ([(0.5, 0.6, 0.7), (), (0.4, 0.5)], {"seeds": (0, 1, 2)}, {}, {},
                    ("No run of b is finished. Of the other 6 runs, 1 is not finished: 1 run of c.",
                     "c and a cannot be told apart")),
    "a circle of pairs": ([(0.5, 0.6)], {"compare": (("a", "b"), ("b", "c"), ("c", "a"))}, {}, {},
                          ("No run of b and c is finished.",)),
    "few runs beside a published one": ([(0.5, 0.6), (0.7, 0.9)], PUBLISHED, {"known_as": "shapes"}, {},
                                        ("so few runs agree with any published accuracy",)),
    "one run beside a published one": ([(0.5,), (0.7,)], PUBLISHED, {"known_as": "shapes"}, {},
                                       ("Nothing can be concluded from their distance",)),
    "chosen on one test image": ([(1,), (0,)], {"protocol": "published"}, {"test": images(1)}, {},
                                 ("This choice overestimates the accuracy.",)),
    "flaws of single runs": ([(0.5,), (0.7,), (0.4,)], {"lessons": LESSONS}, {}, {"leaked_test_images": [0]},
                             ("The effect of b cannot be concluded", "The runs allow no verdict on b, c, best.")),
    "flaws without a run": ([(0.5, 0.6)], {"lessons": LESSONS}, {}, {}, ("best has no significant effect",)),
}  # fmt: skip


@pytest.fixture
def drawn(monkeypatch):
    """Collects the texts of the figures with intervals, which are neither laid out nor saved."""
    texts = []

    def collect(draw, path):
        figure = draw("light", False)
        texts.extend(text.get_text() for text in figure.findobj(matplotlib.text.Text))
        return dict.fromkeys(("light", "dark", "narrow_light", "narrow_dark"), "")

    monkeypatch.setattr(study_page, "themed_figure", collect)
    monkeypatch.setattr(study_page, "draw_curves", lambda *given: Figure())
    monkeypatch.setattr(study_page, "draw_confusion", lambda experiment: None)
    monkeypatch.setattr(study_page, "save_figure", lambda figure, path: {"png": b""})
    return texts


def report_texts(folder, out, drawn):
    """Writes a report and returns everything that it says: the page, Markdown, CSV, console table and figures."""
    results = read_results(folder.path)
    html = write_report(results, out).read_text()
    console = rich.console.Console(width=200, file=io.StringIO())
    console.print(console_table(results))
    visible = re.sub(r"<style>.*?</style>|<[^>]*>", " ", html, flags=re.DOTALL)
    return [visible, (out / "report.md").read_text(), (out / "summary.csv").read_text(), console.file.getvalue(),
            "\n".join(drawn)]  # fmt: skip


def make_study(path, accuracies, given, of_all, of_b):
    """Writes a study with the given accuracies of the runs of each experiment."""
    experiments = FLAWED if "lessons" in given else dict(list(EXPERIMENTS.items())[: max(len(accuracies), 2)])
    if "compare" in given:
        experiments = EXPERIMENTS
    seeds = tuple(range(max(map(len, accuracies))))
    study = Study("hard", "Hard", "Why?", experiments, **{"seeds": seeds, **given})
    folder = StudyFolder(path)
    folder.claim(study)
    for (name, experiment), of_runs in zip(experiments.items(), accuracies, strict=False):
        for seed, accuracy in enumerate(of_runs):
            write_run(folder, name, experiment, seed, accuracy, **of_all, **(of_b if name == "b" else {}))
    return folder


@pytest.mark.parametrize("case", CASES)
def test_a_report_has_no_bad_number_and_says_what_cannot_be_concluded(tmp_path, drawn, case):
    *given, sentences = CASES[case]
    texts = report_texts(make_study(tmp_path / "study", *given), tmp_path / "report", drawn)
    for text in texts:
        assert not re.findall(r"(?i)\bnan\b|\binf\b|−0\.0+\b|\+0\.0+\b|(?<![\d.,])1 (?:runs|images|points)\b", text)
        ends = re.findall(r"([+−]?\d[\d.]*)%?(?:–| to )([+−]?\d[\d.]*)", text)
        assert not [pair for pair in ends if pair[0] == pair[1]]
        points = re.findall(r"([+−]\d[\d.]*) to ([+−]\d[\d.]*)", text)
        assert all(abs(float(end.replace("−", "-"))) <= 100 for pair in points for end in pair)
    for sentence in sentences:
        assert sentence in re.sub(r"\s+", " ", texts[0])
        assert sentence in texts[1]


def test_a_study_of_an_older_version_is_shown(tmp_path, drawn):
    folder = make_study(tmp_path / "study", [(0.5, 0.6), (0.7, 0.9)], {}, {}, {})
    held = read_json(folder.path / "study.json")
    for name in ("compare", "margin", "looks", "lessons", "notes", "published_metric", "published_image_size"):
        held.pop(name, None)
    write_json(folder.path / "study.json", held)
    assert OPEN in report_texts(folder, tmp_path / "report", drawn)[1]


def test_runs_of_one_experiment_on_other_images_are_averaged_alone(tmp_path, drawn):
    folder = make_study(tmp_path / "study", [(0.5, 0.6, 0.7), (0.6, 0.7, 0.9)], {}, {}, {})
    results = read_results(folder.path)
    for experiment in results.experiments:
        for run in experiment.runs:
            object.__setattr__(run, "test_images", f"of {experiment.name} {run.seed}")
    html = write_report(replace(results), tmp_path / "report").read_text()
    assert "b and a cannot be compared: their test images differ." in html
