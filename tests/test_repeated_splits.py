"""A study on several splits of its images. An engine that writes prepared runs takes no time."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from kerasclf import Experiment, Split, Study, TrainConfig, run_study
from kerasclf.data.splits import make_sets
from kerasclf.errors import DataError, FolderError, KerasclfError
from kerasclf.files.reading import read_json
from kerasclf.report import read_results, write_report
from kerasclf.report.comparisons import compare_contrasts
from kerasclf.report.experiment_intervals import accuracy_of
from kerasclf.report.findings import findings
from kerasclf.report.rerun_commands import command_of, command_of_run
from kerasclf.report.statistics.random_effects import mean_of, summarise_scores, summarise_values
from kerasclf.report.study_notes import splits_note
from kerasclf.report.summary import summarise
from kerasclf.studies import declare
from kerasclf.studies.study import Lesson
from kerasclf.studies.study_options import StudyOptions, apply_options, repeat
from kerasclf.studies.study_plan_table import plan_summary
from kerasclf.studies.study_runner import plan_study
from tests.conftest import make_subset
from tests.prepared_engine import Prepared
from tests.report.run_folders import draw_nothing

BASE = Experiment(data="digits", model="perceptron", train=TrainConfig(epochs=2))
ONE = Study("small", "Small", "Why?", {"first": BASE, "second": BASE.but(train=TrainConfig(epochs=2, batch_size=16))})
STUDY = repeat(ONE, 2, splits=3)
# Correct of 30 images, by seed. Seeds 0 and 3 have the first split, 1 and 4 the second, 2 and 5 the third.
FIRST, SECOND = (12, 15, 9, 12, 15, 15), (18, 24, 21, 18, 24, 21)
ACCURACIES = {"first": lambda seed: FIRST[seed] / 30, "second": lambda seed: SECOND[seed] / 30}
OVERLAP = 30 / 201  # test images per other image, in `write_run`


def run(out, study=STUDY, **options):
    engine = Prepared(ACCURACIES, **options)
    return engine, run_study(study, out, engine=engine, listener=engine).results()


@pytest.fixture(scope="module")
def own_test_set(tmp_path_factory):
    """Results on a data set with its own test set: only the validation set is drawn anew."""
    return run(tmp_path_factory.mktemp("own"), redraws="validation")[1]


@pytest.fixture(scope="module")
def drawn_test_set(tmp_path_factory):
    """Results whose test set is drawn anew for each split."""
    return run(tmp_path_factory.mktemp("drawn"), redraws="test")[1]


def test_the_runs_of_a_seed_have_the_split_of_its_remainder(tmp_path):
    engine, results = run(tmp_path)
    assert engine.made == [f"{name} seed {seed}" for seed in range(6) for name in ("first", "second")]
    for experiment in results.experiments:
        assert [run.split[0] for run in experiment.runs] == [0, 1, 2, 0, 1, 2]
    # The first split is that of the experiment itself, the others have identities of their own.
    assert sorted(path.name for path in (tmp_path / "runs" / f"first-{BASE.identity}").iterdir()) == [
        "seed-0",
        "seed-3",
    ]
    second = BASE.but(split=Split(seed=1))
    made = read_json(tmp_path / "runs" / f"first-{second.identity}" / "seed-4" / "experiment.json")
    assert made["experiment"]["split"]["seed"] == 1
    assert made["data"]["manifest"] == "abc1"


def test_one_split_changes_no_run_folder_and_no_experiment(tmp_path):
    _, results = run(tmp_path, repeat(ONE, 3))
    assert len(list((tmp_path / "runs" / f"first-{BASE.identity}").iterdir())) == 3
    assert read_json(tmp_path / "study.json")["splits"] == results.splits == 1
    assert splits_note(results) == "All runs have one split of the images."
    assert compare_contrasts(results)[0].basis_text == "over seeds and test images, 3 runs each"


@pytest.mark.parametrize("stop_after", [1, 7])
def test_an_interrupted_study_resumes(tmp_path, stop_after):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop_after=stop_after)
    engine, results = run(tmp_path)
    assert len(engine.made) == 12 - stop_after
    assert [len(e.runs) for e in results.experiments] == [6, 6]


def test_more_repeats_keep_the_runs_of_fewer(tmp_path):
    run(tmp_path, repeat(ONE, 1, splits=3))
    engine, _ = run(tmp_path)
    assert engine.made == [f"{name} seed {seed}" for seed in (3, 4, 5) for name in ("first", "second")]


@pytest.mark.parametrize(("before", "after", "text"), [(1, 3, "1 split of the images, not on 3 splits"),
                                                       (3, 1, "3 splits of the images, not on 1 split")])  # fmt: skip
def test_a_folder_keeps_its_number_of_splits(tmp_path, before, after, text):
    run(tmp_path, repeat(ONE, 1, splits=before))
    with pytest.raises(FolderError, match=f"holds runs on {text}"):
        run(tmp_path, repeat(ONE, 1, splits=after))


def test_a_folder_without_splits_in_its_description_has_one(tmp_path):
    run(tmp_path, ONE)
    path = tmp_path / "study.json"
    path.write_text(path.read_text().replace('"splits": 1,', ""))
    assert "splits" not in read_json(path)
    assert read_results(tmp_path).splits == 1
    assert run(tmp_path, ONE)[0].made == []


def test_an_experiment_on_any_split_is_not_replaced(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop_after=3)
    changed = {"first": BASE.but(train=TrainConfig(epochs=9)), "second": STUDY.experiments["second"]}
    with pytest.raises(FolderError, match=r"finished runs of first with train\.epochs 2, not 9"):
        run(tmp_path, replace(STUDY, experiments=changed))


def test_runs_on_one_split_count_as_one_on_shared_test_images(own_test_set):
    first = own_test_set.experiments[0]
    assert first.test_images is not None
    verdicts = np.stack([run.correct for run in first.runs]).astype(float)
    means = (verdicts[:3] + verdicts[3:]) / 2
    expected = mean_of(summarise_scores(means))
    assert own_test_set.samples["first"].runs == 3
    assert accuracy_of(own_test_set, first) == expected
    (comparison,) = compare_contrasts(own_test_set)
    assert comparison.sentence.endswith("over 3 splits, seeds and test images, 6 runs each).")
    assert splits_note(own_test_set) == (
        "On 3 splits of the images: the validation set is drawn anew for each, and the test images are the same. "
        "The runs on one split count as one, with their mean."
    )


def test_the_interval_over_drawn_test_sets_allows_for_their_overlap(drawn_test_set):
    first = drawn_test_set.experiments[0]
    assert first.test_images is None
    means = np.array([12, 15, 12]) / 30
    half = stats.t.ppf(0.975, 2) * means.std(ddof=1) * np.sqrt(1 / 3 + OVERLAP)
    interval = accuracy_of(drawn_test_set, first)
    assert interval.value == pytest.approx(0.4 + 1 / 30)
    assert interval.half_width == pytest.approx(half)
    assert summarise(drawn_test_set)[["these_images_low", "these_images_high"]].isna().all(axis=None)


def test_experiments_on_drawn_test_sets_are_compared_split_by_split(drawn_test_set):
    (comparison,) = compare_contrasts(drawn_test_set)
    differences = np.array([6, 9, 9]) / 30
    deviation = differences.std(ddof=1)
    error = deviation * np.sqrt(1 / 3 + OVERLAP)
    assert (comparison.basis, comparison.splits, comparison.runs) == ("splits", 3, (6, 6))
    assert comparison.difference.value == pytest.approx(8 / 30)
    assert comparison.difference.half_width == pytest.approx(stats.t.ppf(0.975, 2) * error)
    assert comparison.difference.p == pytest.approx(2 * stats.t.sf(8 / 30 / error, 2))
    assert comparison.verdict == "better"
    assert comparison.sentence == (
        "second is better than first by 26.7 points (95 % interval 9.4 to 43.9, over 3 splits of the images, "
        "6 runs each)."
    )
    # Endless splits leave the part of the variance that is due to their overlap.
    floor = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * deviation * np.sqrt(OVERLAP)
    assert comparison.limit == pytest.approx(floor)
    assert comparison.reach.endswith(f"below {100 * floor:.1f}, more images are needed, not more splits.")


def test_equal_differences_on_all_splits_are_not_certain(tmp_path):
    engine = Prepared({"first": lambda seed: 0.5, "second": lambda seed: 0.5}, redraws="test")
    results = run_study(STUDY, tmp_path, engine=engine, listener=engine).results()
    (comparison,) = compare_contrasts(results)
    assert comparison.verdict == "open"
    # One of 30 images could differ; three splits whose training sets overlap by 30 test images per 201 others.
    assert comparison.difference.half_width == pytest.approx(4.302653 / 30 * (1 / 3 + 30 / 201) ** 0.5)


def test_one_shared_split_is_no_comparison(drawn_test_set):
    first, second = drawn_test_set.experiments
    some = replace(second, runs=tuple(run for run in second.runs if run.seed in (0, 3)))
    (comparison,) = compare_contrasts(replace(drawn_test_set, experiments=(first, some)))
    assert comparison.sentence == "second and first cannot be compared: their test images differ."


def test_the_page_says_on_how_many_splits(drawn_test_set, tmp_path, monkeypatch):
    draw_nothing(monkeypatch)
    page = write_report(drawn_test_set, tmp_path).read_text()
    markdown = (tmp_path / "report.md").read_text()
    note = (
        "On 3 splits of the images, each with its own test set. The runs on one split count as one, with their mean. "
        "Their training sets overlap, for which the intervals are widened (Nadeau and Bengio 2003)."
    )
    assert note in page
    assert note in markdown
    assert "95 %, over splits, seeds and images like these. " in page
    assert "All runs have one split" not in page
    assert "compared in pairs. Corrected p" in page
    assert "on these test images" not in page
    assert findings(drawn_test_set, compare_contrasts(drawn_test_set))[0].endswith("6 runs on 3 splits).")
    for text in (page, markdown):
        assert "nan" not in text.lower().replace("nanosecond", "")


def test_the_command_of_a_study_repeats_its_splits(tmp_path):
    study = apply_options(declare("basenet"), StudyOptions(data="shapes", repeats=2, splits=3))
    accuracies = {name: lambda seed: 0.5 for name in study.experiments}
    engine = Prepared(accuracies)
    results = run_study(study, tmp_path, engine=engine, listener=engine).results()
    assert "--repeats 2 --splits 3" in command_of(results)
    assert command_of_run(results, results.experiments[0], 0) == ""


def test_the_plan_counts_the_splits(tmp_path):
    planned = plan_study(STUDY, tmp_path, engine=Prepared(ACCURACIES))
    assert plan_summary(planned)[0] == "12 runs to make on 3 splits of the images, one at a time"
    assert planned.seconds == 12 * planned.plan.costs["first"].left_s(0)


def test_a_data_set_that_divides_all_images_has_one_split(tmp_path):
    with pytest.raises(DataError, match="splits: expected 1 on digits, whose training, validation and test sets are"):
        run(tmp_path, redraws="nothing")
    assert not tmp_path.joinpath("study.json").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits": 0}, "splits: expected at least 1. Received: 0."),
        ({"splits": 3, "seeds": (0, 1, 3)}, "seeds: expected some for each of 3 splits."),
        ({"splits": 2, "seeds": (0, 1), "looks": (2, 5)}, "looks: expected none with 2 splits. Received: (2, 5)."),
        (
            {"splits": 2, "seeds": (0, 1), "lessons": {"first": Lesson("second", "Wrong.", "Look.")}},
            "splits: expected 1 for a study of flaws",
        ),
        (
            {"splits": 2, "seeds": (0, 1), "experiments": {"a": BASE.but(split=Split(method="first"))}},
            "splits: expected 1, as a takes the images in their order. Received: 2.",
        ),
        (
            {"splits": 2, "seeds": (0, 1), "experiments": {"a": BASE.but(split=Split(earlier="data-1.json"))}},
            "splits: expected 1, as a continues another run and keeps its sets. Received: 2.",
        ),
    ],
)
def test_studies_that_cannot_repeat_their_split(changes, message):
    with pytest.raises(KerasclfError) as caught:
        replace(ONE, **changes)
    assert message in str(caught.value)


@pytest.mark.parametrize(("own", "same"), [(True, True), (False, False)])
def test_another_split_seed_keeps_an_own_test_set_alone(own, same):
    images = make_subset(60, shape=(2, 2, 1))
    found = {"train": images, "test": make_subset(30, shape=(2, 2, 1))} if own else {"train": images}
    first, second = (make_sets(found, BASE.on_split(seed, 2).split, ("a", "b", "c")) for seed in (0, 1))
    assert (first["test"].names == second["test"].names) is same
    assert first["validation"].names != second["validation"].names


def test_options_for_splits():
    options = StudyOptions(splits=3)
    assert apply_options(ONE, options).seeds == (0, 1, 2)
    assert apply_options(ONE, StudyOptions(splits=3, repeats=2, seed=4)).seeds == (4, 5, 6, 7, 8, 9)
    assert apply_options(STUDY, StudyOptions()) == STUDY
    assert apply_options(STUDY, StudyOptions(repeats=1)).seeds == (0, 1, 2)
    assert apply_options(STUDY, StudyOptions(size="quick")).seeds == (0, 1, 2)
    looking = repeat(ONE, (3, 10))
    assert apply_options(looking, options).looks == ()
    with pytest.raises(KerasclfError, match=r"repeats: expected one number of runs with `splits`. Received: 3 to 10\."):
        StudyOptions(splits=2, repeats=(3, 10))


def centroid_accuracy(x, y, held_out):
    """The accuracy on some points of the nearest mean of the two classes of all others."""
    rest = np.delete(np.arange(len(y)), held_out)
    means = [x[rest][y[rest] == label].mean(axis=0) for label in (0, 1)]
    nearer = (x[held_out] - np.mean(means, axis=0)) @ (means[1] - means[0]) > 0
    return (nearer == y[held_out]).mean()


@pytest.mark.slow
@pytest.mark.parametrize(("splits", "most"), [(3, 0.945), (5, 0.91), (10, 0.82)])
def test_intervals_over_splits_cover_the_mean_over_other_images(splits, most):
    rng, studies = np.random.default_rng(0), 1000
    y = np.arange(200) % 2
    accuracies = []
    for _ in range(studies):
        x = rng.normal(size=(200, 10)) + np.outer(2 * y - 1, 0.35 * (np.arange(10) < 5))
        accuracies.append([centroid_accuracy(x, y, rng.permutation(200)[:40]) for _ in range(splits)])
    truth, covered = np.mean(accuracies), {}
    for overlap in (0.25, 0.0):
        intervals = [mean_of(summarise_values(np.array(values), 40, overlap)) for values in accuracies]
        covered[overlap] = np.mean([one.low <= truth <= one.high for one in intervals])
    # Three values of 40 images often agree by chance. They still vary by an image, which covers a little more.
    assert 0.93 <= covered[0.25] <= 0.99
    assert covered[0.0] < most  # as if the splits shared no images
