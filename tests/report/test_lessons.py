"""The effect of each flaw compared with its corrected experiment, as numbers, sentences and lessons."""

from dataclasses import replace

import numpy as np
import pytest

from kerasclf import Experiment, Study, TrainConfig
from kerasclf.report import read_results, write_report
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.contrasts import changes_of
from kerasclf.report.findings import findings
from kerasclf.report.lessons import lessons_of
from kerasclf.report.rerun_commands import command_of
from kerasclf.report.statistics.random_effects import difference_of, summarise_scores
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.transfer import Transfer
from tests.report.run_folders import in_groups, write_run

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


def test_pairs_of_runs_are_compared_over_groups(results):
    grouped = lessons_of(in_groups(results, np.arange(30) // 3))[0].comparison
    alone = lessons_of(in_groups(results, np.arange(30)))[0].comparison
    plain = lessons_of(results)[0].comparison
    assert alone.difference[:3] == pytest.approx(plain.difference[:3], rel=0.1)
    runs = {e.name: e.runs for e in results.experiments}
    pairs = zip(runs["softmax_twice"], runs["sound"], strict=True)
    gains = np.stack([one.correct * 1.0 - other.correct for one, other in pairs])
    expected = difference_of(summarise_scores(gains, np.arange(30) // 3))
    assert grouped.difference[:3] == pytest.approx(expected[:3])
    assert (grouped.images, plain.images) == (30, 30)


def test_the_margin_is_that_of_the_study(results):
    wide = replace(results, study={**results.study, "margin": 0.5})
    of_test, of_validation = (lessons_of(wide)[index].comparison for index in (0, -1))
    assert (of_test.margin, of_validation.margin) == (0.5, 0.5)
    assert of_test.equal_p < lessons_of(results)[0].comparison.equal_p


def test_each_flaw_is_compared_with_its_corrected_experiment(results):
    lesson_results = lessons_of(results)
    basis = "(95 % interval 15.3 to 44.7, over seeds and test images, 3 runs each)"
    assert [one.sentence for one in lesson_results[:2]] == [
        f"softmax_twice lowers the test accuracy by 30.0 points {basis}: 23.3% with the flaw, 53.3% without it.",
        f"duplicates inflates the test accuracy by 30.0 points {basis}: 83.3% with the flaw, 53.3% without it.",
    ]
    assert lesson_results[2].sentence.startswith("unshuffled and sound cannot be told apart: +3.3 points ")
    assert lesson_results[2].sentence.endswith(" below 3.0, more test images are needed, not more runs.")
    assert lesson_results[3].sentence == (
        # All three seeds agree. They are taken to vary by one of 200 validation images.
        "augmented understates the validation accuracy by 10.0 points (95 % interval 8.8 to 11.2, over seeds, 3 runs "
        "each): 43.3% with the flaw, 53.3% without it."
    )
    effects = [one.effect for one in lesson_results]
    assert effects == ["lowers", "inflates", "not significant", "understates", "no verdict"]
    assert lesson_results[4].sentence == "The test accuracy of augmented changes by −10.0 points (−24.6 to +4.6)."
    # Holm's correction covers the four lessons; the additional metric is shown without a verdict.
    assert lesson_results[4].comparison.verdict == "none"
    assert [one.is_main for one in lesson_results] == [True, True, True, True, False]


def test_a_gain_without_a_leak_is_not_inflated(results):
    leaks = {**results.study["lessons"], "duplicates": {**results.study["lessons"]["duplicates"], "leaks": False}}
    assert lessons_of(replace(results, study={**results.study, "lessons": leaks}))[1].effect == "raises"


def test_the_summary_counts_the_significant_flaws(results):
    sentences = findings(results, compare_contrasts(results), lessons_of(results))
    assert sentences[0] == (
        "3 of 4 flaws significantly change the reported accuracy: duplicates (inflates); softmax_twice (lowers); "
        "augmented (understates). With 3 runs each, no significant effect is found for unshuffled."
    )
    assert len(sentences) == 6


def test_an_experiment_with_a_flaw_is_chosen_only_among_flawed_ones(results):
    assert results.chosen.name == "other"
    assert replace(results, experiments=results.experiments[:5]).chosen.name == "sound"
    assert replace(results, experiments=results.experiments[1:2]).chosen.name == "softmax_twice"


def test_one_run_each_is_not_enough_for_a_validation_accuracy(results):
    single = replace(results, experiments=tuple(replace(e, runs=e.runs[:1]) for e in results.experiments))
    flawed, *_, augmented, _ = lessons_of(single)
    assert np.isfinite(flawed.comparison.difference.low)  # over the test images
    assert augmented.sentence == (
        "One run each is not enough to compare the validation accuracy of augmented and sound."
    )


def test_a_lesson_without_its_run_is_left_out(results):
    some = replace(results, experiments=results.experiments[:2])
    assert [one.name for one in lessons_of(some)] == ["softmax_twice"]
    assert [(after, before) for after, before, _ in changes_of(some)] == [("softmax_twice", "sound")]


def test_the_page_shows_flaws_lessons_and_the_setting_of_the_flaw(results, no_figures, tmp_path):
    page = write_report(replace(results, experiments=results.experiments[:3]), tmp_path / "report")
    shown, text = page.read_text(), (page.parent / "report.md").read_text()
    assert "Learning is &lt;slow&gt;. <em>How to detect it:</em> The loss has a floor." in shown
    assert "<code>[&#34;softmax_twice&#34;]</code>" in shown
    assert "Compared with the first experiment" not in shown
    assert "<em>Inflates</em>" in shown
    assert "| softmax_twice | sound | test accuracy | 0.2333 | 0.5333 | −30.00 |" in text
    assert "**duplicates.** It was seen. *How to detect it:* Hash it." in text
    assert (page.parent / "differences.png").exists()


def test_the_command_names_the_weights_of_the_pretrained_experiments(results):
    assert "--weights w.keras" in command_of(results)
