"""The report of a study of flaws: each beside its corrected experiment, in points, in words, as a lesson."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Experiment, Study, TrainConfig
from kerasclf.report import read_results, write_report
from kerasclf.report.changes import changes_of
from kerasclf.report.comparisons import between_neighbours
from kerasclf.report.findings import findings
from kerasclf.report.lessons import lessons_of
from kerasclf.report.rerun_commands import command_of
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.transfer import Transfer
from tests.report.test_page import write_run

SOUND = Experiment()
EXPERIMENTS = {
    "sound": SOUND,
    "softmax_twice": SOUND.but(flaws=("softmax_twice",)),
    "duplicates": SOUND.but(flaws=("duplicates",)),
    "unshuffled": SOUND.but(flaws=("unshuffled",)),
    "augmented": SOUND.but(augment_validation=True),
    "other": Experiment(model="mobilenet_v2", transfer=Transfer(weights="w.keras"), train=TrainConfig(epochs=9)),
}
LESSONS = {
    "softmax_twice": Lesson("sound", "Learning is <slow>.", "The loss has a floor."),
    "duplicates": Lesson("sound", "It was seen.", "Hash it.", leaks=True),
    "unshuffled": Lesson("sound", "It forgets.", "Look at it."),
    "augmented": Lesson("sound", "It is another.", "Compare.", metric="validation_accuracy"),
}
ACCURACIES = {
    "sound": (0.5, 0.6, 0.5),
    "softmax_twice": (0.2, 0.3, 0.2),
    "duplicates": (0.8, 0.9, 0.8),
    "unshuffled": (0.4, 0.7, 0.6),
    "augmented": (0.4, 0.5, 0.4),
    "other": (0.9, 0.9, 0.9),
}


@pytest.fixture
def results(tmp_path):
    study = Study("pitfalls", "Pitfalls", "What?", EXPERIMENTS, seeds=(0, 1, 2), lessons=LESSONS)
    folder = StudyFolder(tmp_path / "study")
    folder.claim(study)
    for name, experiment in EXPERIMENTS.items():
        for seed, accuracy in enumerate(ACCURACIES[name]):
            write_run(folder, name, experiment, seed, accuracy)
    return read_results(folder.path)


def test_each_flaw_is_told_against_its_corrected_experiment(results):
    lesson_results = lessons_of(results)
    assert [one.words for one in lesson_results[:2]] == [
        "softmax_twice lowers the test accuracy by 30.0 ± 0.0 points: 23.3%, and 53.3% without the flaw (n = 3).",
        "duplicates flatters the test accuracy by 30.0 ± 0.0 points: 83.3%, and 53.3% without the flaw (n = 3).",
    ]
    assert lesson_results[2].words.startswith("unshuffled and sound are not distinguishable: +3.3 ± ")
    assert lesson_results[2].words.endswith(" repeats would be needed.")
    assert lesson_results[3].words == (
        "augmented understates the validation accuracy by 10.0 ± 0.0 points: 43.3%, and 53.3% without the flaw (n = 3)."
    )
    assert [one.effect for one in lesson_results] == ["lowers", "flatters", "nothing shown", "understates", "lowers"]
    assert [one.leads for one in lesson_results] == [True, True, True, True, False]


def test_a_gain_without_a_leak_is_no_flattery(results):
    leaks = {**results.study["lessons"], "duplicates": {**results.study["lessons"]["duplicates"], "leaks": False}}
    assert lessons_of(replace(results, study={**results.study, "lessons": leaks}))[1].effect == "raises"


def test_the_answer_counts_what_could_be_shown(results):
    found = findings(results, between_neighbours(results), lessons_of(results))
    assert found[0] == (
        "Of 4 flaws 3 can be shown to change what is reported: duplicates (flatters); softmax_twice (lowers); "
        "augmented (understates); of unshuffled nothing can be shown with 3 runs of each."
    )
    assert len(found) == 6


def test_an_experiment_with_a_flaw_is_never_the_best(results):
    assert results.chosen.name == "other"
    assert replace(results, experiments=results.experiments[:5]).chosen.name == "sound"
    assert replace(results, experiments=results.experiments[1:2]).chosen.name == "softmax_twice"


def test_one_run_each_says_nothing_of_a_validation_figure(results):
    single = replace(results, experiments=tuple(replace(e, runs=e.runs[:1]) for e in results.experiments))
    flawed, *_, augmented, _ = lessons_of(single)
    assert np.isfinite(flawed.comparison.difference.low)  # over the test images
    assert augmented.words == "augmented and sound: one run each says nothing of validation accuracy; repeats would."


def test_a_lesson_whose_experiment_was_not_run_is_left_out(results):
    some = replace(results, experiments=results.experiments[:2])
    assert [one.name for one in lessons_of(some)] == ["softmax_twice"]
    assert [(after, before) for after, before, _ in changes_of(some)] == [("softmax_twice", "sound")]


def test_the_page_shows_flaws_lessons_and_the_field_that_makes_the_flaw(results, tmp_path):
    page = write_report(replace(results, experiments=results.experiments[:3]), tmp_path / "report")
    shown, text = page.read_text(), (page.parent / "report.md").read_text()
    assert "Learning is &lt;slow&gt;. <em>How to see it:</em> The loss has a floor." in shown
    assert "<code>[&#34;softmax_twice&#34;]</code>" in shown
    assert "Against the first" not in shown
    assert "| softmax_twice | sound | test accuracy | 0.2333 | 0.5333 | -30.00 |" in text
    assert "**duplicates.** It was seen. *How to see it:* Hash it." in text
    assert (page.parent / "differences.png").exists()


def test_the_command_names_the_weights_of_those_that_have_some(results):
    assert "--weights w.keras" in command_of(results)
