"""Training within a time budget, with a clock and work that are made up: what is tried, in which order, and when."""

import math
import re
from dataclasses import dataclass, field

import pytest

import kerasclf.search.search_budget as budget_module
from kerasclf import Experiment, TrainConfig
from kerasclf.errors import FolderError, KerasclfError
from kerasclf.files.reading import read_json
from kerasclf.report import read_results
from kerasclf.search.search_budget import Clock
from kerasclf.search.time_budget.budget_record import BudgetFolder, BudgetRecord, read_budget_record
from kerasclf.search.time_budget.timed_costs import FeatureCost, TimedRunCost
from kerasclf.search.time_budget.timed_experiments import name_of
from kerasclf.search.time_budget.timed_runs import TimedRuns
from kerasclf.search.time_budget.timed_training import TimedTraining
from kerasclf.studies.study_folder import StudyFolder
from kerasclf.training.resuming.halting import Halted
from kerasclf.transfer import Transfer
from tests.report.run_folders import write_run

SMALL, MIDDLE, LARGE = "squeezenet1_1", "mobilenet_v2", "resnet50"


class Killed(Exception):  # noqa: N818
    """Stands for SIGKILL."""


@dataclass
class FakeWork:
    """Work whose times and accuracies are given.

    Args:
        now: The time, which the work advances.
        image_s: Seconds per image, by network; there are 100 + 20 + 20 images.
        heads: Cross-validated accuracies of heads, by network.
        accuracies: Validation accuracies, by name of the experiment.
        slower: Factor of all times that were not estimated so.
        epochs: Epochs after which early stopping ends a run.
        kill_in: Name of an experiment in whose second epoch the process is killed.
        measuring_s: Seconds to measure the features of a network.
        run_measuring_s: Seconds to measure the training of a part of one.
        broken: Why no features can be cached; nothing if they can.
    """

    now: list
    image_s: dict
    heads: dict
    accuracies: dict
    slower: float = 1.0
    epochs: int = 9
    kill_in: str = ""
    measuring_s: float = 1
    run_measuring_s: float = 2
    broken: str = ""
    cached: dict = field(default_factory=dict)
    made: list = field(default_factory=list)
    out: object = None

    def measure_features(self, head):
        if head.model not in self.image_s:
            raise KerasclfError("its weights are missing")
        self.now[0] += self.measuring_s
        left = 120 - self.cached.get(head.model, 0)
        return FeatureCost(
            self.image_s[head.model], left * self.image_s[head.model], 20 * self.image_s[head.model], 100
        )

    def extract(self, experiment, image_s, is_over, log):
        if self.broken:
            raise KerasclfError(self.broken)
        while self.cached.get(experiment.model, 0) < 120:
            if is_over():
                return False
            self.cached[experiment.model] = self.cached.get(experiment.model, 0) + 20
            self.now[0] += 20 * image_s * self.slower
        return True

    def judge(self, head):
        return self.heads[head.model]

    def measure_run(self, experiment):
        self.now[0] += self.run_measuring_s
        return TimedRunCost(1.0, self._epoch_s(experiment), 1.0)

    def train(self, experiment, run, stop):
        run.partial.mkdir(parents=True, exist_ok=True)
        for epoch in range(experiment.epochs if stop else 0):
            if epoch == self.epochs:
                break
            try:
                stop.stepped(epoch, 1)
            except Halted:
                return {}
            if experiment.model + "_" + experiment.train.unfreeze == self.kill_in and epoch == 1:
                raise Killed
            in_first_phase = epoch < experiment.epochs - experiment.train.epochs
            self.now[0] += (0.001 if in_first_phase else self._epoch_s(experiment)) * self.slower
            stop.stepped(epoch, 2) if epoch else None
            stop.finished_epoch({"epoch": epoch + 1})
        self.now[0] += 1
        name = name_of(experiment)
        self.made.append((name, experiment.epochs))
        write_run(self.out, name, experiment, 0, self.accuracies.get(name, 0.5))
        run.partial.rmdir()
        return run.metrics()

    def _epoch_s(self, experiment):
        return {"head": 0.1, "last_stage": 50, "all": 400}[experiment.train.unfreeze] * self.image_s[experiment.model]


@pytest.fixture
def now(monkeypatch):
    time = [0.0]
    monkeypatch.setattr(budget_module.time, "monotonic", lambda: time[0])
    return time


def candidate(model):
    return Experiment(
        data="folder:photos", model=model, image_size=(224, 224), transfer=Transfer("none"),
        model_args={"head": ()}, train=TrainConfig(),
    )  # fmt: skip


def train(path, seconds, work, networks=(SMALL, MIDDLE, LARGE), lines=None):
    work.out = StudyFolder(path)
    candidates = [candidate(name) for name in networks]
    folder, runs = BudgetFolder(path, seconds), TimedRuns(path, 0, seconds)
    runs.claim(candidates)
    lines = [] if lines is None else lines
    TimedTraining(candidates, folder, runs, Clock(folder, seconds), work, lines.append).run()
    return {one.key: one for one in read_budget_record(path).attempts}


@pytest.fixture
def work(now):
    return FakeWork(
        now,
        image_s={SMALL: 0.01, MIDDLE: 0.02, LARGE: 0.1},
        heads={SMALL: 0.5, MIDDLE: 0.7, LARGE: 0.8},
        accuracies={f"{LARGE}_head": 0.6, f"{LARGE}_last_stage": 0.8, f"{MIDDLE}_last_stage": 0.7, f"{LARGE}_all": 0.9},
    )


def test_with_time_for_all_half_of_the_networks_and_then_the_best_train_further(tmp_path, work, now):
    tried = train(tmp_path, 10_000, work)
    assert [name for name, _ in work.made] == [
        f"{LARGE}_head", f"{LARGE}_last_stage", f"{MIDDLE}_last_stage", f"{LARGE}_all",
    ]  # fmt: skip
    decisions = {key: (one.kept, one.reason) for key, one in tried.items()}
    early = "trained until its validation loss no longer fell"
    assert decisions == {
        ("features", SMALL, "head"): (False, "not among the better half; resnet50 has 80.0%"),
        ("features", MIDDLE, "head"): (True, "among the better half; resnet50 has 80.0%"),
        ("features", LARGE, "head"): (True, "the best features"),
        ("training", LARGE, "head"): (False, f"{early}; resnet50_all has 90.0%"),
        ("training", LARGE, "last_stage"): (False, f"{early}; resnet50_all has 90.0%"),
        ("training", MIDDLE, "last_stage"): (False, f"{early}; resnet50_all has 90.0%"),
        ("training", LARGE, "all"): (True, f"{early}; the final model"),
    }
    assert sum(one.seconds for one in tried.values()) == pytest.approx(now[0])
    results = read_results(tmp_path)
    assert results.choice == f"{LARGE}_all"
    assert results.budget.spent_s == pytest.approx(now[0])


def test_the_validation_set_decides_even_against_more_training(tmp_path, work):
    work.accuracies = {f"{LARGE}_head": 0.9, f"{MIDDLE}_last_stage": 0.8}
    tried = train(tmp_path, 10_000, work)
    assert [key for key, one in tried.items() if key[0] == "training" and one.kept] == [("training", LARGE, "head")]
    assert work.made[-1][0] == f"{LARGE}_all"


def test_what_does_not_fit_is_dropped_with_its_cost(tmp_path, work):
    work.image_s[LARGE] = 1.0
    lines = []
    tried = train(tmp_path, 60, work, lines=lines)
    assert tried["features", LARGE, "head"].reason == "its features would take 2 min, and 19 s were left for them"
    assert f"{LARGE}, head: dropped; its features would take 2 min, and 19 s were left for them" in lines
    assert read_results(tmp_path).choice == f"{MIDDLE}_last_stage"


def test_all_layers_are_dropped_without_a_measurement_if_a_guess_does_not_fit(tmp_path, work):
    work.epochs = 1000
    tried = train(tmp_path, 25, work, [SMALL])
    dropped = tried["training", SMALL, "all"]
    assert dropped.reason.startswith("2 epochs would take 13 s, and ")
    assert (dropped.kept, dropped.seconds, dropped.accuracy) == (False, 0, None)


@pytest.mark.parametrize("slower", [1, 1.5, 4])
@pytest.mark.parametrize("seconds", [25, 40, 100, 300])
def test_the_model_is_finished_when_the_time_is_over(tmp_path, work, now, seconds, slower):
    """An epoch that takes longer than estimated may end late; nothing else does."""
    work.slower, work.epochs = slower, 1000
    work.accuracies = {}
    train(tmp_path, seconds, work)
    assert read_results(tmp_path).experiments
    part = next(part for part in ("head", "last_stage", "all") if work.made[-1][0].endswith(part))
    epoch_s = {"head": 0.1, "last_stage": 50, "all": 400}[part] * max(work.image_s.values())
    assert now[0] <= seconds + (slower - 1) * epoch_s


def test_a_training_that_the_clock_stops_counts_with_its_epochs(tmp_path, work):
    work.epochs = 1000
    work.image_s = {LARGE: 0.1}
    tried = train(tmp_path, 100, work, [LARGE])
    name, epochs = work.made[1]
    assert name == f"{LARGE}_last_stage"
    assert 5 + 2 <= epochs < 5 + 30
    assert tried["training", LARGE, "last_stage"].reason == "trained until its time was over; the final model"
    (experiment,) = [one.experiment for one in read_results(tmp_path).experiments if one.name == name]
    assert experiment.epochs == epochs
    assert not list(tmp_path.glob("runs/*/*.partial"))


def test_too_short_a_budget_says_the_least_that_would_do(tmp_path, work, now):
    work.image_s = dict.fromkeys(work.image_s, 1.0)
    with pytest.raises(KerasclfError) as caught:
        train(tmp_path / "a", 60, work)
    assert str(caught.value) == (
        "budget: expected at least 175s, which one head on these images takes here. Received: 60s. "
        "Features that were computed stay in the cache."
    ).replace("175s", "3m")
    assert work.made == []
    assert now[0] < 60
    now[0] = 0.0
    train(tmp_path / "b", 180, work)
    assert [name for name, _ in work.made] == [f"{SMALL}_head"]
    assert now[0] <= 180


def least_of(error):
    return float(re.search(r"expected at least (\d+)s", str(error.value))[1])


def test_the_least_that_would_do_does_in_the_same_folder(tmp_path, work, now):
    work.measuring_s, work.image_s = 10, dict.fromkeys(work.image_s, 0.1)
    with pytest.raises(KerasclfError) as caught:
        train(tmp_path, 20, work)
    least, began = least_of(caught), now[0]
    assert read_budget_record(tmp_path) == BudgetRecord(20)
    train(tmp_path, least, work)
    assert [name for name, _ in work.made] == [f"{SMALL}_head"]
    assert now[0] - began <= least


def test_a_refusal_names_the_budget_that_was_given_and_measures_one_network(tmp_path, work, now):
    folder = BudgetFolder(tmp_path, 5)
    clock = Clock(folder, 5)
    now[0] += 9
    runs = TimedRuns(tmp_path, 0, 5)
    runs.claim([candidate(SMALL)])
    training = TimedTraining([candidate(SMALL), candidate(MIDDLE)], folder, runs, clock, work, lambda line: None)
    with pytest.raises(KerasclfError, match=r"Received: 5s\."):
        training.run()
    assert now[0] == 9 + work.measuring_s


def test_features_that_cannot_be_cached_are_no_question_of_time(tmp_path, work):
    work.broken = "the cache is read-only"
    with pytest.raises(KerasclfError, match=r"No network can be used(.*\n.*){3}resnet50: the cache is read-only"):
        train(tmp_path, 100, work)


def test_a_refused_call_leaves_its_folder_to_other_settings(tmp_path, work):
    with pytest.raises(KerasclfError, match="expected at least"):
        train(tmp_path, 3, work)
    larger = candidate(SMALL).but(image_size=(256, 256))
    TimedRuns(tmp_path, 0, 10.0).claim([larger])
    (held,) = read_json(tmp_path / "study.json")["experiments"].values()
    assert held["image_size"] == [256, 256]


def test_a_network_without_weights_is_dropped(tmp_path, work):
    del work.image_s[SMALL]
    tried = train(tmp_path, 10_000, work)
    assert tried["features", SMALL, "head"].reason == "its weights are missing"
    work.image_s = {}
    with pytest.raises(KerasclfError, match=r"No network can be used(.*\n.*){3}resnet50: its weights are missing"):
        train(tmp_path / "none", 10_000, work)


def test_a_killed_training_goes_on_and_keeps_what_is_finished(tmp_path, work, now):
    work.kill_in = f"{MIDDLE}_last_stage"
    with pytest.raises(Killed):
        train(tmp_path, 10_000, work)
    assert read_results(tmp_path).choice == f"{LARGE}_last_stage"  # the folder is a finished study at any time
    spent = read_budget_record(tmp_path).spent_s
    assert 0 < spent <= now[0]
    before, work.kill_in = list(work.made), ""
    tried = train(tmp_path, 10_000, work)
    assert work.made == [*before, (f"{MIDDLE}_last_stage", 35), (f"{LARGE}_all", 35)]
    assert tried["training", LARGE, "all"].kept
    assert read_budget_record(tmp_path).spent_s > spent
    assert [one.name for one in read_results(tmp_path).experiments] == [name for name, _ in work.made]


def test_runs_of_networks_that_are_no_candidates_now_stay(tmp_path, work):
    train(tmp_path, 2_000, work, [MIDDLE, LARGE])
    before = [one.name for one in read_results(tmp_path).experiments]
    tried = train(tmp_path, 4_000, work, [SMALL])
    results = read_results(tmp_path)
    assert [one.name for one in results.experiments][: len(before)] == before
    assert results.choice == f"{LARGE}_all"
    assert [one.decision for key, one in tried.items() if key[:2] == ("training", SMALL)]
    assert not any(one.kept for key, one in tried.items() if key[:2] == ("training", SMALL))


def test_another_seed_needs_another_folder(tmp_path, work):
    train(tmp_path, 10_000, work, [SMALL])
    before = (tmp_path / "study.json").read_bytes()
    with pytest.raises(FolderError, match=r"holds runs with seed 0, not 1\. Give another folder as `out`\."):
        TimedRuns(tmp_path, 1, 10.0).claim([candidate(SMALL)])
    assert (tmp_path / "study.json").read_bytes() == before


def test_other_settings_need_another_folder(tmp_path, work):
    train(tmp_path, 10_000, work, [SMALL])
    other = candidate(SMALL).but(train=TrainConfig(batch_size=64))
    with pytest.raises(FolderError, match=r"with train.batch_size 32, not 64\. Give another folder as `out`\."):
        TimedRuns(tmp_path, 0, 10.0).claim([other])
    # The first network is new, so the folder's own check finds nothing.
    with pytest.raises(FolderError, match=r"was trained with other settings\. Give another folder as `out`\."):
        TimedRuns(tmp_path, 0, 10.0).claim([candidate(MIDDLE), other])
    (tmp_path / "budget.json").unlink()
    with pytest.raises(FolderError, match="holds a training without a time budget"):
        TimedRuns(tmp_path, 0, 10.0).claim([candidate(SMALL)])


def test_a_time_that_is_too_short_for_more_than_a_head_is_spent_on_features(tmp_path, work, now):
    work.image_s, work.run_measuring_s = dict.fromkeys(work.image_s, 0.06), 20
    tried = train(tmp_path, 45, work)
    assert [tried["features", name, "head"].accuracy for name in (SMALL, MIDDLE, LARGE)] == list(work.heads.values())
    assert [name for name, _ in work.made] == [f"{LARGE}_head"]
    assert now[0] <= 45


@pytest.mark.parametrize("seconds", range(25, 200, 7))
def test_no_budget_is_exceeded_by_a_measurement(tmp_path, work, now, seconds):
    work.measuring_s, work.run_measuring_s = 4, 20
    train(tmp_path, seconds, work)
    assert now[0] <= seconds


def test_costs():
    features = FeatureCost(image_s=0.1, choice_s=10, test_s=2, images=100)
    assert features.head_s == pytest.approx(1.2 * 12 + 10)
    assert features.all_s == pytest.approx(1.2 * 2 * 4 * 0.1 * 100)
    assert TimedRunCost(3, 10, 1).least_s(5) == pytest.approx(1.2 * 24 + 5)
    assert math.isfinite(features.all_s)


def test_networks_that_cannot_be_compared_are_tried_in_their_order_without_an_accuracy(tmp_path, work):
    """A group or a class may be all there is to hold out."""
    work.heads = dict.fromkeys(work.heads)
    lines = []
    tried = train(tmp_path, 10_000, work, lines=lines)
    why = "too few training images to cross-validate heads"
    assert {(one.accuracy, one.reason) for one in tried.values() if one.step == "features"} == {(None, why)}
    assert f"{SMALL}, head: not compared; {why}" in lines
    assert work.made[0][0] == f"{SMALL}_head"
